#include "routedk/distill/thinking.h"

#include <algorithm>
#include <array>

namespace routedk::distill {
namespace {

struct Marks {
  std::string_view open;
  std::string_view close;
};

/// DeepSeek, Qwen and most others; Claude and Gemini in text; Seed; Magistral; Kimi; Command A; EXAONE.
constexpr std::array<Marks, 9> kMarks{{{"<think>", "</think>"},
                                       {"<thinking>", "</thinking>"},
                                       {"<thought>", "</thought>"},
                                       {"<reasoning>", "</reasoning>"},
                                       {"<seed:think>", "</seed:think>"},
                                       {"[think]", "[/think]"},
                                       {"\u25C1think\u25B7", "\u25C1/think\u25B7"},
                                       {"<|start_thinking|>", "<|end_thinking|>"},
                                       {"<|begin_of_thought|>", "<|end_of_thought|>"}}};

/// Harmony (gpt-oss): channels `analysis`, `commentary` and `final`, each ending at the next mark.
constexpr std::string_view kChannel = "<|channel|>";
constexpr std::string_view kFinal = "<|channel|>final<|message|>";

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

/// Removes the text between the marks, also nested; false if one is not closed.
bool cut_out(std::string& text, const Marks& marks) {
  std::string lower = lowered(text);
  for (std::size_t close = lower.find(marks.close); close != std::string::npos;
       close = lower.find(marks.close)) {
    std::size_t end = close + marks.close.size();
    std::size_t open = lower.find(marks.open);
    if (open > close) {  // the opening mark is in the template: everything up to the last closing mark is
                         // thinking
      end = lower.rfind(marks.close) + marks.close.size();
      open = 0;
    }
    text.erase(open, end - open);
    lower.erase(open, end - open);
  }
  return lower.find(marks.open) == std::string::npos;
}

}  // namespace

std::optional<std::string> without_thinking(std::string_view reply) {
  std::string text(reply);
  if (const std::size_t final = text.rfind(kFinal); final != std::string::npos) {
    text.erase(0, final + kFinal.size());
    text.erase(std::min(text.find("<|"), text.size()));
  } else if (text.find(kChannel) != std::string::npos) {
    return std::nullopt;
  }
  for (const Marks& marks : kMarks) {
    if (!cut_out(text, marks)) {
      return std::nullopt;
    }
  }
  if (text.size() < reply.size()) {
    text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  }
  return text;
}

}  // namespace routedk::distill
