#include "routedk/core/error.h"
#include "routedk/io/mapped_file.h"
#include "routedk/text/vocabulary.h"

#include <algorithm>
#include <iterator>

#include "tokenizer_files.h"
#include "tokenizer_json.h"
#include "vocabulary_ends.h"

namespace routedk::text {
namespace {

namespace fs = std::filesystem;

enum class Kind { kGguf, kJson, kTiktoken, kSentencePiece, kUnknown };

Kind kind_of(std::string_view bytes) {
  if (bytes.starts_with("GGUF")) {
    return Kind::kGguf;
  }
  if (bytes.starts_with('\n')) {  // the first field of a protocol buffer, the first piece
    return Kind::kSentencePiece;
  }
  const std::string_view line = bytes.substr(0, std::min<std::size_t>(bytes.find_first_of("\r\n"), 64));
  if (line.starts_with('{')) {
    return Kind::kJson;
  }
  const bool text = std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return text && !line.empty() ? Kind::kTiktoken : Kind::kUnknown;
}

Vocabulary load_file(const fs::path& path) {
  const auto file = io::MappedFile::open(path);
  const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  switch (kind_of(bytes)) {
    case Kind::kGguf:
      return Vocabulary::from_gguf(io::GgufFile::open(path));
    case Kind::kJson:
      return Vocabulary::from_json(path);
    case Kind::kTiktoken:
      return Vocabulary::from_tiktoken(path);
    case Kind::kSentencePiece:
      return Vocabulary::from_sentencepiece(path);
    case Kind::kUnknown:
      break;
  }
  throw_<FileError>(
      "{} must be a GGUF file, a tokenizer.json, or a tokenizer.model of tiktoken or sentencepiece, but "
      "begins `{}`.",
      path.string(), shown(bytes.substr(0, 16)));
}

/// Requires every added token of a tokenizer.json to be a piece of the model in the same folder.
void check_added(const JsonField& added, const Vocabulary& vocabulary) {
  const auto count = static_cast<std::int64_t>(vocabulary.tokens.size());
  for (const JsonField& token : added.items()) {
    const std::int64_t id = token["id"].integer();
    token.require(
        id >= 0 && id < count && vocabulary.tokens[static_cast<std::size_t>(id)] == token["content"].text(),
        "be a piece of " + vocabulary.source);
  }
}

Vocabulary load_from_folder(const fs::path& folder) {
  const fs::path json = folder / "tokenizer.json";
  const fs::path model = folder / "tokenizer.model";
  if (!fs::exists(model)) {
    if (!fs::exists(json)) {
      throw_<FileError>("{} must hold tokenizer.json or tokenizer.model, but holds neither.",
                        folder.string());
    }
    return Vocabulary::from_json(json);
  }
  if (!fs::exists(json)) {
    return load_file(model);
  }
  const JsonField root = read_tokenizer_json(json);
  const bool pieces = !root["model"].absent() && root["model"]["byte_fallback"].boolean(false);
  if (pieces || (!root["decoder"].absent() && root["decoder"]["type"].is("ByteLevel"))) {
    return Vocabulary::from_json(json);
  }
  Vocabulary vocabulary = load_file(model);
  check_added(root["added_tokens"], vocabulary);
  return vocabulary;
}

/// Reads "</s>" or {"content": "</s>", ...}.
void read_special(const JsonField& field, const Vocabulary& vocabulary, TokenId& id) {
  if (field.absent()) {
    return;
  }
  const std::string& spelling = field.value().is_object() ? field["content"].text() : field.text();
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(), spelling);
  if (found == vocabulary.tokens.end()) {
    field.refuse("be a token of " + vocabulary.source);
  }
  id = static_cast<TokenId>(found - vocabulary.tokens.begin());
}

void read_config(const fs::path& path, Vocabulary& vocabulary) {
  const JsonField root = read_tokenizer_json(path);
  read_special(root["bos_token"], vocabulary, vocabulary.bos);
  read_special(root["eos_token"], vocabulary, vocabulary.eos);
  read_special(root["pad_token"], vocabulary, vocabulary.pad);
  const JsonField kind = root["tokenizer_class"];
  if (kind.is("LlamaTokenizer") || kind.is("LlamaTokenizerFast")) {  // whatever tokenizer.json says
    vocabulary.blank_after_special = root["legacy"].boolean(false);
  }
}

/// Reads `eos_token_id`: one id or a list. Ids of rows without a token are ignored.
void read_ends(const JsonField& field, Vocabulary& vocabulary) {
  if (field.absent()) {
    return;
  }
  for (const JsonField& each : field.value().is_array() ? field.items() : std::vector{field}) {
    const std::int64_t id = each.integer();
    if (id >= 0 && id < static_cast<std::int64_t>(vocabulary.tokens.size())) {
      add_end(static_cast<TokenId>(id), vocabulary);
    }
  }
}

/// Reads what the model's other files say about its tokens.
void read_model_files(const fs::path& folder, Vocabulary& vocabulary) {
  add_end(vocabulary.eos, vocabulary);
  for (const char* name : {"generation_config.json", "config.json"}) {
    const fs::path file = folder / name;
    if (!fs::exists(file)) {
      continue;
    }
    const JsonField root = read_tokenizer_json(file);
    read_ends(root["eos_token_id"], vocabulary);
    if (!root["vocab_size"].absent()) {
      vocabulary.rows = root["vocab_size"].integer(1);
    }
  }
  if (vocabulary.rows > 0 && std::ssize(vocabulary.tokens) > vocabulary.rows) {
    throw_<FileError>(
        "The tokenizer must have at most the {} tokens of the model's vocabulary (`vocab_size` of {}), but "
        "has {} "
        "({}).",
        vocabulary.rows, (folder / "config.json").string(), vocabulary.tokens.size(), vocabulary.source);
  }
}

}  // namespace

Vocabulary Vocabulary::load(const fs::path& path) {
  if (!fs::is_directory(path)) {
    Vocabulary vocabulary = load_file(path);
    add_end(vocabulary.eos, vocabulary);
    return vocabulary;
  }
  Vocabulary vocabulary = load_from_folder(path);
  if (const fs::path config = path / "tokenizer_config.json"; fs::exists(config)) {
    read_config(config, vocabulary);
  }
  read_model_files(path, vocabulary);
  return vocabulary;
}

}  // namespace routedk::text
