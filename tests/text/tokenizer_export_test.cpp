#include "routedk/text/tokenizer_export.h"

#include "core/temporary_folder.h"
#include "text/model.h"
#include "text/random_text.h"

namespace routedk::text {
namespace {

TEST(TokenizerExport, the_folder_of_a_gguf_encodes_and_chats_like_the_gguf) {
  const routedk::testing::TemporaryFolder folder;
  export_tokenizer(smollm2(), folder.path());
  const Tokenizer exported = Tokenizer::load(folder.path());
  const Tokenizer& original = smollm2_tokenizer();
  EXPECT_EQ(exported.vocab_size(), original.vocab_size());
  EXPECT_EQ(exported.bos(), original.bos());
  EXPECT_EQ(exported.ends(), original.ends());
  EXPECT_EQ(exported.pad(), original.pad());
  for (const io::Json& entry : tokenizer_golden()["cases"]) {
    const std::string text = text_of(entry);
    EXPECT_EQ(exported.encode(text), original.encode(text)) << text;
  }
  expect_chats(ChatTemplate::load(folder.path()), exported, tokenizer_golden()["chats"]);
}

TEST(TokenizerExport, so_does_that_of_a_sentencepiece_model) {
  const io::GgufFile gguf = io::GgufFile::open(small_file("llama2.gguf"));
  const routedk::testing::TemporaryFolder folder;
  export_tokenizer(gguf, folder.path());
  const Tokenizer exported = Tokenizer::load(folder.path());
  const Tokenizer original = Tokenizer::from_gguf(gguf);
  EXPECT_EQ(exported.bos(), original.bos());
  EXPECT_EQ(exported.eos(), original.eos());
  Random random(7, "export");
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random);
    ASSERT_EQ(exported.encode(text), original.encode(text)) << text;
  }
}

}  // namespace
}  // namespace routedk::text
