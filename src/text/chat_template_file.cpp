#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/text/chat_template.h"

#include <optional>

#include "strict_json.h"
#include "tokenizer_files.h"
#include "trim.h"

namespace routedk::text {
namespace {

namespace fs = std::filesystem;

// ChatML: SmolLM2's has a first part with the default system text inside, others begin with the second.
constexpr std::string_view kLoop = "{% for message in messages %}";
constexpr std::string_view kBeforeSystem =
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n";
constexpr std::string_view kAfterSystem = "<|im_end|>\n' }}{% endif %}";
constexpr std::string_view kTurns =
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
constexpr std::string_view kNoPrompt =
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}";

// hash64 of the text in Meta's Llama-3.1-8B-Instruct, without the blanks around it.
constexpr std::uint64_t kLlama31 = 0xCC0368E1FFB6B958;
constexpr std::size_t kShownOfTemplate = 60;

/// A newline inside a string may stand there as itself or as \n.
std::string with_newlines(std::string_view source) {
  std::string text(source);
  for (std::size_t at = text.find("\\n"); at != std::string::npos; at = text.find("\\n", at)) {
    text.replace(at, 2, "\n");
  }
  return text;
}

bool cut_prefix(std::string_view& text, std::string_view prefix) {
  const bool found = text.starts_with(prefix);
  text.remove_prefix(found ? prefix.size() : 0);
  return found;
}

/// ChatML's default system text, which may be empty; nothing for another template.
std::optional<std::string> chatml_system(std::string_view source) {
  const std::string text = with_newlines(source);
  std::string_view rest = text;
  cut_prefix(rest, kNoPrompt);
  if (!cut_prefix(rest, kLoop) || !rest.ends_with(kTurns)) {
    return std::nullopt;
  }
  rest.remove_suffix(kTurns.size());
  if (rest.empty()) {
    return "";
  }
  if (!cut_prefix(rest, kBeforeSystem) || !rest.ends_with(kAfterSystem)) {
    return std::nullopt;
  }
  rest.remove_suffix(kAfterSystem.size());
  const bool plain = !rest.empty() && rest.find_first_of("'\\") == std::string_view::npos;
  return plain ? std::optional(std::string(rest)) : std::nullopt;
}

/// tokenizer_config.json's `chat_template`: a text, or a list of named ones with a "default".
std::string template_of(const JsonField& field) {
  if (!field.value().is_array()) {
    return field.text();
  }
  for (const JsonField& named : field.items()) {
    if (named["name"].is("default")) {
      return named["template"].text();
    }
  }
  field.refuse("have a template of the name \"default\"");
}

std::string template_in(const fs::path& folder) {
  if (const fs::path jinja = folder / "chat_template.jinja"; fs::exists(jinja)) {
    return read_tokenizer_file(jinja);
  }
  const fs::path config = folder / "tokenizer_config.json";
  if (!fs::exists(config)) {
    throw_<FileError>(
        "{} must hold chat_template.jinja, or tokenizer_config.json with a `chat_template`, but holds "
        "neither.",
        folder.string());
  }
  return template_of(parse_strictly(read_tokenizer_file(config), config.string())["chat_template"]);
}

}  // namespace

ChatTemplate ChatTemplate::parse(std::string_view source) {
  if (auto system = chatml_system(source)) {
    return chatml(std::move(*system));
  }
  if (hash64(trim(source)) == kLlama31) {
    return llama31();
  }
  throw_<ConfigError>(
      "The chat template must be ChatML or Llama 3.1's, but is another one, which begins `{}`.",
      source.substr(0, kShownOfTemplate));
}

ChatTemplate ChatTemplate::from_gguf(const io::GgufFile& file) {
  return parse(file.text("tokenizer.chat_template"));
}

ChatTemplate ChatTemplate::load(const fs::path& model) {
  return fs::is_directory(model) ? parse(template_in(model)) : from_gguf(io::GgufFile::open(model));
}

}  // namespace routedk::text
