#include "routedk/core/error.h"
#include "routedk/text/tokenizer.h"

#include <functional>
#include <set>
#include <string>

#include "core/temporary_folder.h"
#include "text/model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

/// Every way to make a piece of two others, the pieces in their order, which is that of their scores.
Json merges_of(const Vocabulary& vocabulary) {
  std::set<std::string> pieces;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::kNormal) {
      pieces.insert(vocabulary.tokens[id]);
    }
  }
  Json merges = Json::array();
  for (const std::string& piece : vocabulary.tokens) {
    for (std::size_t at = 1; pieces.contains(piece) && at < piece.size(); ++at) {
      if (pieces.contains(piece.substr(0, at)) && pieces.contains(piece.substr(at))) {
        merges.push_back({piece.substr(0, at), piece.substr(at)});
      }
    }
  }
  return merges;
}

/// The small sentencepiece model as TinyLlama's tokenizer.json has its.
Json document() {
  const Vocabulary vocabulary = Vocabulary::load(small_file("sentencepiece.model"));
  Json vocab = Json::object();
  Json added = Json::array();
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    vocab[vocabulary.tokens[id]] = id;
    if (id < 3) {
      added.push_back({{"id", id}, {"content", vocabulary.tokens[id]}, {"special", true}});
    }
  }
  const Json prepend = {{"type", "Prepend"}, {"prepend", "\xE2\x96\x81"}};
  const Json replace = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xE2\x96\x81"}};
  Json file = {{"added_tokens", added}, {"pre_tokenizer", nullptr}};
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", {prepend, replace}}};
  file["decoder"] = {{"type", "Sequence"}, {"decoders", Json::array({{{"type", "ByteFallback"}}})}};
  file["model"] = {{"type", "BPE"}, {"byte_fallback", true}, {"fuse_unk", true}, {"unk_token", "<unk>"}};
  file["model"]["vocab"] = vocab;
  file["model"]["merges"] = merges_of(vocabulary);
  return file;
}

class PiecesJson : public ::testing::Test {
 protected:
  Tokenizer load(const Json& file) { return Tokenizer::load(folder_.write("tokenizer.json", file.dump())); }
  void expect_refused(const std::function<void(Json&)>& change, const std::string& rule) {
    Json file = document();
    change(file);
    try {
      load(file);
      FAIL() << "accepted what must " << rule;
    } catch (const FileError& error) {
      EXPECT_THAT(error.what(), HasSubstr(rule));
      EXPECT_THAT(error.what(), HasSubstr("tokenizer.json"));
    }
  }
  routedk::testing::TemporaryFolder folder_;
};

TEST_F(PiecesJson, equals_sentencepiece) {
  const Tokenizer tokenizer = load(document());
  for (const io::Json& entry : small_golden()["sentencepiece"]) {
    const auto text = entry["text"].get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), ids_of(entry, "ids")) << entry["text"].dump();
    EXPECT_EQ(tokenizer.decode(ids_of(entry, "ids")), entry["decoded"].get<std::string>());
  }
}

TEST_F(PiecesJson, a_metaspace_says_where_the_blank_stands) {
  Json file = document();
  file["normalizer"] = nullptr;
  const auto ids = [&](const char* scheme) {
    file["pre_tokenizer"] = {
        {"type", "Metaspace"}, {"replacement", "\xE2\x96\x81"}, {"prepend_scheme", scheme}, {"split", false}};
    return load(file).encode_with_special("a</s>b");
  };
  const Tokenizer plain = load(document());
  const auto joined = [&](Place first, Place second) {
    std::vector<TokenId> all = plain.encode("a", first);
    all.push_back(2);
    const std::vector<TokenId> b = plain.encode("b", second);
    all.insert(all.end(), b.begin(), b.end());
    return all;
  };
  EXPECT_EQ(ids("always"), joined(Place::kStart, Place::kStart));
  EXPECT_EQ(ids("first"), joined(Place::kStart, Place::kInside));
  EXPECT_EQ(ids("never"), joined(Place::kInside, Place::kInside));
  EXPECT_NE(ids("always"), ids("first"));
}

TEST_F(PiecesJson, what_would_give_other_ids_is_refused_by_its_field) {
  expect_refused([](Json& file) { file["model"]["merges"].erase(5); }, "`model.merges` must list each pair");
  expect_refused([](Json& file) { file["model"]["merges"].push_back(file["model"]["merges"][0]); },
                 "`model.merges` must list");
  expect_refused(
      [](Json& file) {
        Json& merges = file["model"]["merges"];
        for (std::size_t i = 1; i < merges.size(); ++i) {  // two pieces of two ways each, alternating
          const auto text_of = [&](std::size_t at) {
            return merges[at][0].get<std::string>() + merges[at][1].get<std::string>();
          };
          if (text_of(i) == text_of(i - 1)) {
            std::swap(merges[i], merges[i + 1]);
            return;
          }
        }
      },
      "`model.merges` must list the merges that make one token next to each other");
  expect_refused([](Json& file) { file["model"]["ignore_merges"] = true; },
                 "`model.ignore_merges` must be false");
  expect_refused([](Json& file) { file["model"]["unk_token"] = "nothing"; },
                 "`model.unk_token` must be a token");
  expect_refused([](Json& file) { file["normalizer"]["normalizers"][0]["type"] = "NFC"; },
                 "`normalizer` must");
  expect_refused([](Json& file) { file["normalizer"] = nullptr; }, "`pre_tokenizer` must be an object");
  expect_refused(
      [](Json& file) {
        file["pre_tokenizer"] = {{"type", "Digits"}};
      },
      "`pre_tokenizer` must be null");
  expect_refused([](Json& file) { file["decoder"] = {{"type", "ByteLevel"}}; }, "`decoder` must hold");
  expect_refused(
      [](Json& file) {
        const std::size_t id = file["model"]["vocab"]["<0x41>"];
        file["model"]["vocab"].erase("<0x41>");
        file["model"]["vocab"]["<0x4x>"] = id;
      },
      "`model.vocab` must hold the tokens <0x00> to <0xFF>");
}

}  // namespace
}  // namespace routedk::text
