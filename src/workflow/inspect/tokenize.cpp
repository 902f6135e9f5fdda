#include "routedk/workflow/inspect/tokenize.h"

#include "routedk/core/error.h"
#include "routedk/io/jsonl.h"
#include "routedk/text/tokenizer.h"

namespace routedk::workflow {
namespace {

constexpr const char* kTextSource = "standard input";

std::string text_of(const io::Json& record, std::int64_t line) {
  if (!record.is_object() || !record.contains("text") || !record["text"].is_string()) {
    throw_<DataError>("A record must be an object with a string `text`, but is `{}` ({}:{}).",
                      record.dump().substr(0, 60), kTextSource, line);
  }
  return record["text"].get<std::string>();
}

}  // namespace

void tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out) {
  const auto tokenizer = text::Tokenizer::load(options.model);
  io::read_jsonl(in, kTextSource, [&](const io::Json& record, std::int64_t line) {
    const std::string text = text_of(record, line);
    const auto ids = options.special ? tokenizer.encode_with_special(text) : tokenizer.encode(text);
    out << io::Json{{"ids", ids}}.dump() << '\n';
  });
  out.flush();
}

}  // namespace routedk::workflow
