#include "routedk/distill/spending.h"

#include "routedk/bundle/knowledge.h"
#include "routedk/core/files.h"
#include "routedk/io/json_field.h"

#include <sstream>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace routedk::distill {
namespace {

io::Json to_json(const TokenCounts& counts) {
  return {{"prompt_tokens", counts.prompt}, {"completion_tokens", counts.completion}};
}

/// Ignores a last line without a newline, left by a crash.
TokenCounts counts_in(const std::filesystem::path& file) {
  std::string content = read_file(file, kMostTableBytes);
  content.erase(content.rfind('\n') + 1);  // npos + 1 is 0: no complete line
  std::istringstream in(std::move(content));
  TokenCounts counts;
  io::read_jsonl(in, file.string(), [&](const io::Json& json, std::int64_t line) {
    const io::JsonField reply(json, fmt::format("{}:{}", file.string(), line));
    counts.prompt += reply["prompt_tokens"].integer(0);
    counts.completion += reply["completion_tokens"].integer(0);
  });
  return counts;
}

}  // namespace

std::filesystem::path spent_file(const std::filesystem::path& store) {
  return std::filesystem::path(store).replace_extension(".spent.jsonl");
}

TokenCounts spent_on(const std::filesystem::path& store) {
  if (const auto file = spent_file(store); std::filesystem::exists(file)) {
    return counts_in(file);
  }
  if (!std::filesystem::exists(store)) {
    return {};
  }
  const auto known = bundle::KnowledgeStore::load(store);
  return {known.prompt_tokens(), known.completion_tokens()};
}

Spending::Spending(const std::filesystem::path& store) : total_(spent_on(store)) {
  const bool is_new = !std::filesystem::exists(spent_file(store));
  file_ = std::make_unique<io::JsonlWriter>(spent_file(store), Readers::kOwner);
  if (is_new) {
    file_->append(to_json(total_));
    file_->sync();
  }
}

void Spending::add(const TokenCounts& reply) {
  total_.prompt += reply.prompt;
  total_.completion += reply.completion;
  if (file_) {
    file_->append(to_json(reply));
    file_->sync();
  }
}

}  // namespace routedk::distill
