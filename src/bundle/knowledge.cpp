#include "routedk/bundle/knowledge.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <type_traits>

namespace routedk::bundle {
namespace {

constexpr std::array kKinds{KnowledgeKind::kRules, KnowledgeKind::kThought, KnowledgeKind::kAnswer};

/// Invalid UTF-8 in a title is hashed as its replacement, instead of stopping the run here.
std::string hash_of(const io::Json& json) {
  return fmt::format("{:016x}", hash64(json.dump(-1, ' ', false, io::Json::error_handler_t::replace)));
}

io::Json gold_of(const Session& session) {
  io::Json json = io::Json::array();
  for (const GoldBundle& gold : session.gold) {
    json.push_back({{"intent", gold.intent}, {"items", gold.items}});
  }
  return json;
}

/// Takes the fields of a JSON object one by one.
class Fields {
 public:
  Fields(const io::Json& json, const char* what, const std::string& where)
      : json_(json), what_(what), where_(where) {
    if (!json.is_object()) {
      throw_<FileError>("{} must be a JSON object, but is {} instead ({}).", what, json.type_name(), where);
    }
  }

  std::string text(const char* name) {
    return take(name, "a string", [](const io::Json& value) { return value.is_string(); }).get<std::string>();
  }
  std::int64_t integer(const char* name) {
    return take(name, "a whole number", [](const io::Json& value) { return value.is_number_integer(); })
        .get<std::int64_t>();
  }
  /// A number of things, from 0.
  template <typename Number>
  Number count(const char* name) {
    const io::Json& value = take(name, "a number from 0", [](const io::Json& v) {
      const bool fits = std::is_integral_v<Number> ? v.is_number_integer() : v.is_number();
      return fits && v.get<double>() >= 0.0;
    });
    return value.get<Number>();
  }
  const io::Json& list(const char* name) {
    return take(name, "a list", [](const io::Json& value) { return value.is_array(); });
  }
  /// FileError where the object has a field that was not taken.
  void finish() const {
    if (json_.size() != taken_.size()) {
      for (const auto& [name, value] : json_.items()) {
        if (std::find(taken_.begin(), taken_.end(), name) == taken_.end()) {
          throw_<FileError>("{} must have no field `{}`, but has ({}).", what_, name, where_);
        }
      }
    }
  }

 private:
  template <typename Holds>
  const io::Json& take(const char* name, const char* rule, const Holds& holds) {
    const auto found = json_.find(name);
    if (found == json_.end()) {
      throw_<FileError>("{} must have the field `{}`, but doesn't ({}).", what_, name, where_);
    }
    if (!holds(*found)) {
      throw_<FileError>("{}'s `{}` must be {}, but is {} instead ({}).", what_, name, rule, found->dump(),
                        where_);
    }
    taken_.emplace_back(name);
    return *found;
  }

  const io::Json& json_;
  const char* what_;
  const std::string& where_;
  std::vector<std::string> taken_;
};

KnowledgeKind kind_from(const std::string& name, const std::string& where) {
  for (const KnowledgeKind kind : kKinds) {
    if (name == knowledge_name(kind)) {
      return kind;
    }
  }
  throw_<FileError>("A knowledge record's `kind` must be rules, thought or answer, but is `{}` instead ({}).",
                    name, where);
}

KnowledgeTurn turn_from(const io::Json& json, const std::string& where) {
  Fields fields(json, "A turn of a knowledge record", where);
  KnowledgeTurn turn{fields.text("asked"), fields.text("reply"), fields.text("problem")};
  fields.finish();
  return turn;
}

}  // namespace

const char* knowledge_name(KnowledgeKind kind) noexcept {
  static constexpr std::array<const char*, kKinds.size()> names{"rules", "thought", "answer"};
  return names.at(static_cast<std::size_t>(kind));
}

std::string gold_version(const Session& session) {
  return hash_of(gold_of(session));
}

std::string inputs_hash(const TeacherCard& teacher, KnowledgeKind kind, const Session& session) {
  io::Json inputs{teacher.teacher, teacher.model,        teacher.prompts, teacher.parameters,
                  teacher.seed,    knowledge_name(kind), session.id};
  for (const Item& item : session.items) {
    inputs.push_back({item.id, item.title, item.category});
  }
  inputs.push_back(gold_of(session));
  return hash_of(inputs);
}

io::Json to_json(const KnowledgeRecord& record) {
  io::Json turns = io::Json::array();
  for (const KnowledgeTurn& turn : record.turns) {
    turns.push_back({{"asked", turn.asked}, {"reply", turn.reply}, {"problem", turn.problem}});
  }
  return {{"session", record.session},
          {"kind", knowledge_name(record.kind)},
          {"text", record.text},
          {"failure", record.failure},
          {"turns", turns},
          {"teacher", record.teacher.teacher},
          {"model", record.teacher.model},
          {"prompts", record.teacher.prompts},
          {"parameters", record.teacher.parameters},
          {"seed", record.teacher.seed},
          {"prompt_tokens", record.prompt_tokens},
          {"completion_tokens", record.completion_tokens},
          {"seconds", record.seconds},
          {"time", record.time},
          {"gold", record.gold},
          {"inputs", record.inputs}};
}

KnowledgeRecord knowledge_from_json(const io::Json& json, const std::string& where) {
  Fields fields(json, "A knowledge record", where);
  KnowledgeRecord record;
  record.session = fields.integer("session");
  record.kind = kind_from(fields.text("kind"), where);
  record.text = fields.text("text");
  record.failure = fields.text("failure");
  for (const io::Json& turn : fields.list("turns")) {
    record.turns.push_back(turn_from(turn, where));
  }
  record.teacher = {fields.text("teacher"), fields.text("model"), fields.text("prompts"),
                    fields.text("parameters"), fields.count<std::uint64_t>("seed")};
  record.prompt_tokens = fields.count<std::int64_t>("prompt_tokens");
  record.completion_tokens = fields.count<std::int64_t>("completion_tokens");
  record.seconds = fields.count<double>("seconds");
  record.time = fields.text("time");
  record.gold = fields.text("gold");
  record.inputs = fields.text("inputs");
  fields.finish();
  return record;
}

KnowledgeStore KnowledgeStore::load(const std::filesystem::path& path) {
  std::string content = read_file(path);
  content.erase(content.rfind('\n') + 1);  // npos + 1 is 0: no line is whole
  std::istringstream in(std::move(content));
  KnowledgeStore store;
  io::read_jsonl(in, path.string(), [&](const io::Json& json, std::int64_t line) {
    store.put(knowledge_from_json(json, fmt::format("{}:{}", path.string(), line)));
  });
  return store;
}

void KnowledgeStore::put(KnowledgeRecord record) {
  prompt_tokens_ += record.prompt_tokens;
  completion_tokens_ += record.completion_tokens;
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
  if (!record->valid()) {
    throw_<DataError>("Only valid {} may be used, but the teacher failed at session {}: {}.",
                      knowledge_name(kind), session, record->failure);
  }
  return record->text;
}

}  // namespace routedk::bundle
