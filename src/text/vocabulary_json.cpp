#include "routedk/core/error.h"
#include "routedk/text/byte_alphabet.h"
#include "routedk/text/vocabulary.h"

#include <algorithm>
#include <limits>

#include "pieces_json.h"
#include "pre_tokenizer_json.h"
#include "tokenizer_json.h"

namespace routedk::text {
namespace {

/// Requires neutral values of fields that could change ids.
void check_model(const JsonField& model) {
  model["type"].require(model["type"].absent() || model["type"].is("BPE"), "be \"BPE\"");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    model[key].require(model[key].absent() || model[key].is(""), "be null");
  }
  const JsonField dropout = model["dropout"];
  dropout.require(dropout.absent() || dropout.value() == 0, "be null");
}

/// An unused id below the number of tokens.
std::size_t free_id(const JsonField& field, const Vocabulary& vocabulary) {
  const std::int64_t id = field.integer();
  const auto count = static_cast<std::int64_t>(vocabulary.tokens.size());
  if (id < 0 || id >= count) {
    field.refuse(fmt::format("be below {}, the number of tokens", count));
  }
  const auto index = static_cast<std::size_t>(id);
  if (!vocabulary.tokens[index].empty()) {
    field.refuse(fmt::format("differ from the id of `{}`", vocabulary.tokens[index]));
  }
  return index;
}

/// Both lists define tokens; some are in both. Ids must be 0, 1, ... without a gap.
void check_count(const JsonField& vocab, const JsonField& added, Vocabulary& vocabulary) {
  vocab.require(vocab.value().is_object(), "be an object");
  std::size_t count = vocab.value().size();
  for (const JsonField& token : added.items()) {
    const JsonField content = token["content"];
    content.require(!content.text().empty(), "be a text of at least one character");
    count += vocab.value().contains(content.text()) ? 0 : 1;
  }
  if (count > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
    vocab.refuse("fit 32-bit ids");
  }
  vocabulary.tokens.resize(count);
  vocabulary.types.assign(count, TokenType::kNormal);
}

void read_vocab(const JsonField& vocab, Vocabulary& vocabulary) {
  for (const auto& [token, ignored] : vocab.value().items()) {
    const JsonField field = vocab[token];
    field.require(!token.empty(), "be a token of at least one character");
    vocabulary.tokens[free_id(field, vocabulary)] = token;
  }
}

void read_added(const JsonField& added, const Json& vocab, Vocabulary& vocabulary) {
  for (const JsonField& token : added.items()) {
    for (const char* key : {"single_word", "lstrip", "rstrip"}) {
      token[key].require(!token[key].boolean(false), "be false");
    }
    const std::string& content = token["content"].text();
    const auto known = vocab.find(content);
    if (known != vocab.end() && *known != token["id"].value()) {
      token["id"].refuse(fmt::format("be {} as in `model.vocab`", known->dump()));
    }
    const std::size_t id =
        known != vocab.end() ? known->get<std::size_t>() : free_id(token["id"], vocabulary);
    vocabulary.tokens[id] = content;
    vocabulary.types[id] = token["special"].boolean(false) ? TokenType::kControl : TokenType::kUserDefined;
  }
}

/// "a b" or ["a", "b"].
std::string merge_text(const Json& merge) {
  if (merge.is_string()) {
    return merge.get<std::string>();
  }
  const bool pair = merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
  return pair ? merge[0].get<std::string>() + " " + merge[1].get<std::string>() : "";
}

void read_merges(const JsonField& merges, Vocabulary& vocabulary) {
  merges.require(merges.value().is_array(), "be an array");
  vocabulary.merges.reserve(merges.value().size());
  for (const Json& merge : merges.value()) {
    std::string text = merge_text(merge);
    if (std::count(text.begin(), text.end(), ' ') != 1) {
      merges.items()[vocabulary.merges.size()].refuse(
          "be two tokens with a space between, or an array of two");
    }
    vocabulary.merges.push_back(std::move(text));
  }
}

/// Bytes without a token would become the unknown token, which text must not produce.
void check_unknown(const JsonField& unknown, const Vocabulary& vocabulary) {
  if (unknown.absent()) {
    return;
  }
  for (const std::string& byte : byte_spellings()) {
    if (std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(), byte) == vocabulary.tokens.end()) {
      unknown.refuse("be null where a byte has no token");
    }
  }
}

void read_byte_level(const JsonField& root, Vocabulary& vocabulary) {
  const JsonField normalizer = root["normalizer"];
  const auto is_empty = [&] {
    return normalizer["type"].is("Sequence") && normalizer["normalizers"].items().empty();
  };
  normalizer.require(normalizer.absent() || is_empty(), "be null");
  const JsonField decoder = root["decoder"];
  decoder.require(!decoder.absent() && decoder["type"].is("ByteLevel"), "be of type \"ByteLevel\"");
  check_unknown(root["model"]["unk_token"], vocabulary);
  vocabulary.patterns = read_pre_tokenizer(root["pre_tokenizer"]);
  vocabulary.whole_pieces = root["model"]["ignore_merges"].boolean(false);
}

/// The special token that the template puts before the text.
TokenId read_bos(const JsonField& root, const Vocabulary& vocabulary) {
  JsonField processor = root["post_processor"];
  if (!processor.absent() && processor["type"].is("Sequence")) {
    for (const JsonField& each : processor["processors"].items()) {
      processor = each;
      if (processor["type"].is("TemplateProcessing")) {
        break;
      }
    }
  }
  if (processor.absent() || !processor["type"].is("TemplateProcessing")) {
    return kNoToken;
  }
  const std::vector<JsonField> single = processor["single"].items();
  if (single.empty()) {
    return kNoToken;
  }
  const JsonField first = single.front()["SpecialToken"];
  if (first.absent()) {
    return kNoToken;
  }
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(), first["id"].text());
  if (found == vocabulary.tokens.end()) {
    first["id"].refuse("be a token");
  }
  return static_cast<TokenId>(found - vocabulary.tokens.begin());
}

}  // namespace

Vocabulary Vocabulary::from_json(const std::filesystem::path& path) {
  Vocabulary vocabulary;
  vocabulary.source = path.string();
  const JsonField root = read_tokenizer_json(path);
  const JsonField model = root["model"];
  model.require(!model.absent(), "be an object");
  check_model(model);
  check_count(model["vocab"], root["added_tokens"], vocabulary);
  read_vocab(model["vocab"], vocabulary);
  read_added(root["added_tokens"], model["vocab"].value(), vocabulary);
  read_merges(model["merges"], vocabulary);
  if (model["byte_fallback"].boolean(false)) {
    read_pieces(root, vocabulary);
  } else {
    read_byte_level(root, vocabulary);
  }
  vocabulary.dialect = Dialect::kHuggingFace;
  vocabulary.bos = read_bos(root, vocabulary);
  return vocabulary;
}

}  // namespace routedk::text
