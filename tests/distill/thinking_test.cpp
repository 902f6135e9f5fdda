#include "routedk/distill/thinking.h"

#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

TEST(Thinking, what_stands_between_the_marks_is_cut_out) {
  EXPECT_EQ(without_thinking("<think>a</think>b"), "b");
  EXPECT_EQ(without_thinking("x<THINK>a\n</Think>b<think></think>c"), "xbc");
  EXPECT_EQ(without_thinking("<think>a<think>b</think>c</think>d"), "d");
  EXPECT_EQ(without_thinking("[THINK]a[/THINK]b"), "b");
  EXPECT_EQ(without_thinking("\u25C1think\u25B7a\u25C1/think\u25B7b"), "b");
  EXPECT_EQ(without_thinking("<thinking>a</thinking>b"), "b");
}

TEST(Thinking, an_opening_mark_may_be_the_templates) {
  EXPECT_EQ(without_thinking("a\n</think>\nb"), "b");
  EXPECT_EQ(without_thinking("a</think>b</think>c"), "c");
}

TEST(Thinking, of_harmony_the_final_channel_is_the_reply) {
  EXPECT_EQ(
      without_thinking(
          "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>"),
      "b");
  EXPECT_EQ(without_thinking("<|channel|>analysis<|message|>a"), std::nullopt);
}

TEST(Thinking, without_an_end_there_is_no_reply_and_without_marks_all_is) {
  EXPECT_EQ(without_thinking("<think>a"), std::nullopt);
  EXPECT_EQ(without_thinking("<think>a</think>b<think>c"), std::nullopt);
  EXPECT_EQ(without_thinking("I think <b> so"), "I think <b> so");
  EXPECT_EQ(without_thinking(""), "");
}

}  // namespace
}  // namespace routedk::distill
