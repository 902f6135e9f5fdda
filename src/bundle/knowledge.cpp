#include "routedk/bundle/knowledge.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

constexpr std::array<std::string_view, 5> kFields{"session", "kind", "text", "teacher", "inputs"};

std::string text_field(const io::Json& json, const char* name, const std::string& where) {
  const io::Json& value = json.at(name);
  if (!value.is_string()) {
    throw_<FileError>("A knowledge record's `{}` must be a string, but is {} instead ({}).", name,
                      value.dump(), where);
  }
  return value.get<std::string>();
}

void check_fields(const io::Json& json, const std::string& where) {
  if (!json.is_object()) {
    throw_<FileError>("A knowledge record must be a JSON object, but is {} instead ({}).", json.type_name(),
                      where);
  }
  for (const std::string_view name : kFields) {
    if (!json.contains(name)) {
      throw_<FileError>("A knowledge record must have the field `{}`, but doesn't ({}).", name, where);
    }
  }
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(kFields, name) == kFields.end()) {
      throw_<FileError>("A knowledge record must have no field but [{}], but has `{}` ({}).",
                        fmt::join(kFields, ", "), name, where);
    }
  }
}

KnowledgeKind kind_from(const std::string& name, const std::string& where) {
  for (const KnowledgeKind kind : {KnowledgeKind::kRules, KnowledgeKind::kThought}) {
    if (name == knowledge_name(kind)) {
      return kind;
    }
  }
  throw_<FileError>("A knowledge record's `kind` must be rules or thought, but is `{}` instead ({}).", name,
                    where);
}

}  // namespace

const char* knowledge_name(KnowledgeKind kind) noexcept {
  return kind == KnowledgeKind::kRules ? "rules" : "thought";
}

std::string inputs_hash(std::string_view teacher, KnowledgeKind kind, const Session& session) {
  io::Json inputs{teacher, knowledge_name(kind), session.id};
  for (const Item& item : session.items) {
    inputs.push_back({item.id, item.title, item.category});
  }
  for (const GoldBundle& gold : session.gold) {
    inputs.push_back({{"intent", gold.intent}, {"items", gold.items}});
  }
  // Invalid UTF-8 in a title is hashed as its replacement, instead of stopping the run here.
  return fmt::format("{:016x}", hash64(inputs.dump(-1, ' ', false, io::Json::error_handler_t::replace)));
}

io::Json to_json(const KnowledgeRecord& record) {
  return {{"session", record.session},
          {"kind", knowledge_name(record.kind)},
          {"text", record.text},
          {"teacher", record.teacher},
          {"inputs", record.inputs}};
}

KnowledgeRecord knowledge_from_json(const io::Json& json, const std::string& where) {
  check_fields(json, where);
  if (!json.at("session").is_number_integer()) {
    throw_<FileError>("A knowledge record's `session` must be a whole number, but is {} instead ({}).",
                      json.at("session").dump(), where);
  }
  return {json.at("session").get<SessionId>(), kind_from(text_field(json, "kind", where), where),
          text_field(json, "text", where), text_field(json, "teacher", where),
          text_field(json, "inputs", where)};
}

KnowledgeStore KnowledgeStore::load(const std::filesystem::path& path) {
  KnowledgeStore store;
  io::read_jsonl(path, [&](const io::Json& json, std::int64_t line) {
    store.put(knowledge_from_json(json, fmt::format("{}:{}", path.string(), line)));
  });
  return store;
}

void KnowledgeStore::put(KnowledgeRecord record) {
  const std::pair key{record.session, record.kind};
  records_.insert_or_assign(key, std::move(record));
}

const KnowledgeRecord* KnowledgeStore::find(SessionId session, KnowledgeKind kind) const {
  const auto found = records_.find({session, kind});
  return found == records_.end() ? nullptr : &found->second;
}

const std::string& KnowledgeStore::text(SessionId session, KnowledgeKind kind) const {
  const KnowledgeRecord* record = find(session, kind);
  if (record == nullptr) {
    throw_<DataError>("Every training session must have {} in the knowledge store, but session {} has none.",
                      knowledge_name(kind), session);
  }
  return record->text;
}

}  // namespace routedk::bundle
