#include "routedk/bundle/knowledge.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/io/json_field.h"

#include <sstream>

namespace routedk::bundle {
namespace {

/// Invalid UTF-8 in a title is replaced for the hash; this is not the place to stop a run.
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

KnowledgeTurn turn_from(const io::JsonField& turn) {
  turn.allow_only({"asked", "reply", "problem"});
  return {turn["asked"].text(), turn["reply"].text(), turn["problem"].text()};
}

}  // namespace

std::string gold_version(const Session& session) {
  return hash_of(gold_of(session));
}

std::string inputs_hash(const TeacherCard& teacher, KnowledgeKind kind, const Session& session) {
  io::Json inputs{teacher.teacher, teacher.model, teacher.prompts, teacher.parameters,
                  teacher.seed,    name_of(kind), session.id};
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
          {"kind", name_of(record.kind)},
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
  const io::JsonField field(json, where);
  field.allow_only({"session", "kind", "text", "failure", "turns", "teacher", "model", "prompts",
                    "parameters", "seed", "prompt_tokens", "completion_tokens", "seconds", "time", "gold",
                    "inputs"});
  KnowledgeRecord record;
  record.session = field["session"].integer();
  record.kind = field["kind"].choice<KnowledgeKind>();
  record.text = field["text"].text();
  record.failure = field["failure"].text();
  field["turns"].require(!field["turns"].absent(), "be a list");
  for (const io::JsonField& turn : field["turns"].items()) {
    record.turns.push_back(turn_from(turn));
  }
  record.teacher = {field["teacher"].text(), field["model"].text(), field["prompts"].text(),
                    field["parameters"].text(), field["seed"].integer<std::uint64_t>()};
  record.prompt_tokens = field["prompt_tokens"].integer(0);
  record.completion_tokens = field["completion_tokens"].integer(0);
  record.seconds = field["seconds"].real(0);
  record.time = field["time"].text();
  record.gold = field["gold"].text();
  record.inputs = field["inputs"].text();
  return record;
}

KnowledgeStore KnowledgeStore::load(const std::filesystem::path& path) {
  std::string content = read_file(path, kMostTableBytes);
  content.erase(content.rfind('\n') + 1);  // npos + 1 is 0: no line is complete
  std::istringstream in(std::move(content));
  KnowledgeStore store;
  store.path_ = path;
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
    throw_<DataError>(
        "Every training session must have {} in the knowledge store, but session {} has none ({}).", kind,
        session, path_.string());
  }
  if (!record->valid()) {
    throw_<DataError>("Every session must have valid {}, but the teacher failed at session {}: {} ({}).",
                      kind, session, record->failure, path_.string());
  }
  return record->text;
}

}  // namespace routedk::bundle
