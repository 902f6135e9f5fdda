#include "pieces_json.h"

#include "routedk/text/utf8.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "sentence_piece.h"
#include "sentence_piece_model.h"
#include <fmt/format.h>

namespace routedk::text {
namespace {

constexpr std::string_view kPieceBlank = "\xE2\x96\x81";  // U+2581
constexpr std::size_t kMostPieceBytes = 1024;             ///< every split of a piece is tried
using Ids = std::unordered_map<std::string_view, std::size_t>;

/// How spaces become U+2581: by a Replace after a Prepend, or by a Metaspace.
struct Blanks {
  bool before = false;         ///< one is put before a text
  bool after_special = false;  ///< and before a text after a special token
  bool before_blank = true;    ///< and before a text that begins with one
};

Blanks blanks_of_normalizer(const JsonField& normalizer) {
  const std::vector<JsonField> steps = normalizer["type"].is("Sequence") ? normalizer["normalizers"].items()
                                                                         : std::vector<JsonField>{normalizer};
  const bool prepends =
      steps.size() == 2 && steps[0]["type"].is("Prepend") && steps[0]["prepend"].is(kPieceBlank);
  normalizer.require(prepends || steps.size() == 1,
                     "prepend U+2581 and replace blanks by it, or replace alone");
  const JsonField& last = steps.back();
  last.require(
      last["type"].is("Replace") && last["content"].is(kPieceBlank) && last["pattern"]["String"].is(" "),
      "replace blanks by U+2581");
  return {.before = prepends, .after_special = prepends};
}

Blanks blanks_of_metaspace(const JsonField& step) {
  step["type"].require(step["type"].is("Metaspace"), "be \"Metaspace\" if no normalizer replaces blanks");
  step["replacement"].require(step["replacement"].is(kPieceBlank), "be U+2581");
  step["split"].require(!step["split"].boolean(true), "be false");
  const std::size_t scheme = step["prepend_scheme"].choice({"first", "always", "never"});
  return {.before = scheme != 2, .after_special = scheme == 1, .before_blank = false};
}

Blanks read_blanks(const JsonField& root) {
  const JsonField normalizer = root["normalizer"];
  if (normalizer.absent()) {
    return blanks_of_metaspace(root["pre_tokenizer"]);
  }
  root["pre_tokenizer"].require(root["pre_tokenizer"].absent(), "be null if the normalizer replaces blanks");
  return blanks_of_normalizer(normalizer);
}

bool is_byte(std::string_view token) {
  return token.size() == 6 && token.starts_with("<0x") && token.back() == '>' &&
         token.find_first_not_of("0123456789ABCDEF", 3) == 5;
}

void read_types(const JsonField& model, Vocabulary& vocabulary) {
  std::size_t bytes = 0;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::kNormal && is_byte(vocabulary.tokens[id])) {
      vocabulary.types[id] = TokenType::kByte;
      ++bytes;
    }
  }
  model["vocab"].require(bytes == 256, "hold the tokens <0x00> to <0xFF>");
  const JsonField unknown = model["unk_token"];
  const auto found = std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(), unknown.text());
  unknown.require(found != vocabulary.tokens.end(), "be a token");
  vocabulary.types[static_cast<std::size_t>(found - vocabulary.tokens.begin())] = TokenType::kUnknown;
}

/// The pieces that merges can make.
Ids pieces_of(const Vocabulary& vocabulary) {
  Ids ids;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::kNormal) {
      ids.emplace(vocabulary.tokens[id], id);
    }
  }
  return ids;
}

/// The number of ways to make a piece from two others.
std::size_t ways_to_make(std::string_view piece, const Ids& pieces) {
  std::size_t ways = 0;
  for (std::size_t at = utf8_length(piece); at > 0 && at < piece.size();
       at += utf8_length(piece.substr(at))) {
    ways += pieces.contains(piece.substr(0, at)) && pieces.contains(piece.substr(at)) ? 1 : 0;
  }
  return ways;
}

/// The merges that make a piece.
struct Made {
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t ways = 0;
};

std::vector<Made> made_by(const std::vector<std::string>& merges, std::size_t tokens, const Ids& pieces) {
  std::vector<Made> made(tokens);
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const std::string_view left = merge.substr(0, merge.find(' '));
    const std::string_view right = merge.substr(left.size() + 1);
    const auto found = pieces.find(std::string(left).append(right));
    if (found != pieces.end() && pieces.contains(left) && pieces.contains(right)) {  // others never occur
      Made& one = made[found->second];
      one.first = one.ways == 0 ? rank : one.first;
      one.last = rank;
      ++one.ways;
    }
  }
  return made;
}

bool is_run_of_blanks(std::string_view piece) {
  while (piece.starts_with(kPieceBlank)) {
    piece.remove_prefix(kPieceBlank.size());
  }
  return piece.empty();
}

/// Minus the index of the first merge that makes a piece; lower than all of these for pieces that none makes.
/// Llama 2's runs of spaces share one score, so their merges alternate.
std::vector<double> scores_of(const JsonField& merges, const Vocabulary& vocabulary) {
  const Ids pieces = pieces_of(vocabulary);
  const std::vector<Made> made = made_by(vocabulary.merges, vocabulary.tokens.size(), pieces);
  std::vector<std::size_t> order;
  for (const auto& [piece, id] : pieces) {
    merges.require(piece.size() <= kMostPieceBytes,
                   fmt::format("make tokens of at most {} bytes", kMostPieceBytes));
    if (made[id].ways != ways_to_make(piece, pieces)) {
      merges.refuse(fmt::format("list each pair that makes a token once, as those of `{}`", piece));
    }
    if (made[id].ways > 0) {
      order.push_back(id);
    }
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return made[a].first < made[b].first; });
  std::vector<double> scores(vocabulary.tokens.size(), -static_cast<double>(vocabulary.merges.size()));
  std::size_t begin = 0;  // the pieces whose merges alternate, and the last of their merges
  std::size_t end = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t id = order[i];
    const bool alternates = i > 0 && made[id].first < end;
    if (alternates &&
        !(is_run_of_blanks(vocabulary.tokens[id]) && is_run_of_blanks(vocabulary.tokens[order[i - 1]]))) {
      merges.refuse(fmt::format("list the merges that make one token next to each other, as those of `{}`",
                                vocabulary.tokens[id]));
    }
    begin = alternates ? begin : made[id].first;
    end = alternates ? std::max(end, made[id].last) : made[id].last;
    scores[id] = -static_cast<double>(begin);
  }
  return scores;
}

void check_decoder(const JsonField& decoder) {
  const std::vector<JsonField> steps = decoder["decoders"].items();
  const bool falls_back = std::any_of(steps.begin(), steps.end(),
                                      [](const JsonField& step) { return step["type"].is("ByteFallback"); });
  decoder.require(falls_back, "hold a step of type \"ByteFallback\"");
}

}  // namespace

void read_pieces(const JsonField& root, Vocabulary& vocabulary) {
  const JsonField model = root["model"];
  model["ignore_merges"].require(!model["ignore_merges"].boolean(false), "be false with byte_fallback");
  const Blanks blanks = read_blanks(root);
  check_decoder(root["decoder"]);
  read_types(model, vocabulary);
  vocabulary.sentencepiece = std::make_shared<const SentencePiece>(
      sentencepiece_model(vocabulary, scores_of(model["merges"], vocabulary), blanks.before),
      vocabulary.source);
  vocabulary.blank_after_special = blanks.after_special;
  vocabulary.blank_before_blank = blanks.before_blank;
  std::vector<std::string>().swap(vocabulary.merges);
}

}  // namespace routedk::text
