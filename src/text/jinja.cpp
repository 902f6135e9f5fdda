#include "jinja.h"

#include <ctime>
#include <iomanip>
#include <memory>
#include <sstream>

#include <minja/minja.hpp>

namespace routedk::text {
namespace {

minja::Value strftime_now() {
  return minja::Value::callable([](const std::shared_ptr<minja::Context>&, minja::ArgumentsValue& arguments) {
    arguments.expectArgs("strftime_now", {1, 1}, {0, 0});
    std::tm day{};
    day.tm_year = 2024 - 1900;
    day.tm_mon = 6;
    day.tm_mday = 26;
    day.tm_wday = 5;
    day.tm_yday = 207;
    std::ostringstream text;
    text << std::put_time(&day, arguments.args[0].get<std::string>().c_str());
    return minja::Value(text.str());
  });
}

}  // namespace

std::string render_jinja(const std::string& source, const JinjaInput& input) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  for (const ChatMessage& message : input.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  const nlohmann::ordered_json values = {
      {"messages", messages},         {"add_generation_prompt", input.add_generation_prompt},
      {"bos_token", input.bos_token}, {"eos_token", input.eos_token},
      {"date_string", "26 Jul 2024"}, {"tools", nullptr},
      {"documents", nullptr}};
  const auto context = minja::Context::make(minja::Value(values));
  context->set("strftime_now", strftime_now());
  const auto root = minja::Parser::parse(
      source, {.trim_blocks = true, .lstrip_blocks = true, .keep_trailing_newline = false});
  return root->render(context);
}

}  // namespace routedk::text
