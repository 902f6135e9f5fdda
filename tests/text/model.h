/// The models' files, shared by the tests of this layer.
#pragma once

#include "routedk/io/gguf.h"
#include "routedk/io/jsonl.h"
#include "routedk/text/chat_template.h"
#include "routedk/text/tokenizer.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace routedk::text {

inline const io::GgufFile& smollm2() {
  static const io::GgufFile file = io::GgufFile::open(std::filesystem::path(ROUTEDK_SOURCE_DIR) /
                                                      ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf");
  return file;
}

inline const Tokenizer& smollm2_tokenizer() {
  static const Tokenizer tokenizer = Tokenizer::from_gguf(smollm2());
  return tokenizer;
}

inline std::filesystem::path golden_file(const std::string& name) {
  return std::filesystem::path(ROUTEDK_SOURCE_DIR) / "tests/goldens" / name;
}

/// Made by tests/goldens/make_tokenizer.py.
inline const io::Json& tokenizer_golden() {
  static const io::Json golden = io::read_json(golden_file("tokenizer_smollm2.json"));
  return golden;
}

/// Of one of its cases; bytes that are no UTF-8 stand there as hexadecimal digits.
inline std::string text_of(const io::Json& entry) {
  if (entry.contains("text")) {
    return entry["text"].get<std::string>();
  }
  const auto hex = entry["hex"].get<std::string>();
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return text;
}

/// Made by tests/goldens/make_small_tokenizers.py, as are the tokenizers beside it.
inline const io::Json& small_golden() {
  static const io::Json golden = io::read_json(golden_file("small_tokenizers/ids.json"));
  return golden;
}
inline std::filesystem::path small_file(const std::string& name) {
  return golden_file("small_tokenizers/" + name);
}
constexpr std::size_t kSmallRanks = 600;

/// Made by tests/goldens/make_llama3_tokenizer.py.
inline const io::Json& llama3_golden() {
  static const io::Json golden = io::read_json(golden_file("tokenizer_llama3.json"));
  return golden;
}

/// Tests under Llama 3's real ranks, which are too large to be kept here.
class Llama3 : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("ROUTEDK_LLAMA3_TOKENIZER");
    if (folder == nullptr) {
      GTEST_SKIP()
          << "ROUTEDK_LLAMA3_TOKENIZER must name the folder made by tests/goldens/make_llama3_tokenizer.py";
    }
    folder_ = folder;
  }
  std::filesystem::path folder_;
};

/// Made by tests/goldens/make_llama2_tokenizer.py.
inline const io::Json& llama2_golden() {
  static const io::Json golden = io::read_json(golden_file("tokenizer_llama2.json"));
  return golden;
}

/// Tests under Llama 2's real pieces, which are too large to be kept here; .ci/run makes their folder.
class Llama2 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(folder_)) {
      GTEST_SKIP() << folder_ << " must be the folder made by tests/goldens/make_llama2_tokenizer.py";
    }
  }
  std::filesystem::path folder_ = std::filesystem::path(ROUTEDK_SOURCE_DIR) / ".deps/llama2-tokenizer";
};

/// Made by tests/goldens/make_chat_templates.py.
inline const io::Json& chat_golden() {
  static const io::Json golden = io::read_json(golden_file("chat_templates.json"));
  return golden;
}

inline std::vector<TokenId> ids_of(const io::Json& entry, const char* key) {
  return entry[key].get<std::vector<TokenId>>();
}

inline std::vector<ChatMessage> messages_of(const io::Json& entry) {
  std::vector<ChatMessage> messages;
  for (const io::Json& message : entry["messages"]) {
    messages.push_back({message["role"].get<std::string>(), message["content"].get<std::string>()});
  }
  return messages;
}

/// Every text of a golden's list has its ids.
inline void expect_ids(const Tokenizer& tokenizer, const io::Json& cases) {
  ASSERT_GT(cases.size(), 40U);
  for (const io::Json& entry : cases) {
    const auto text = entry["text"].get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), ids_of(entry, "plain")) << entry["text"].dump();
    EXPECT_EQ(tokenizer.encode_with_special(text), ids_of(entry, "special")) << entry["text"].dump();
  }
}

inline void expect_chats(const ChatTemplate& chat, const Tokenizer& tokenizer, const io::Json& chats) {
  ASSERT_GT(chats.size(), 10U);
  for (const io::Json& entry : chats) {
    EXPECT_EQ(chat.encode(tokenizer, messages_of(entry), entry["generate"].get<bool>()), ids_of(entry, "ids"))
        << entry.dump();
  }
}

}  // namespace routedk::text
