#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/text/chat_template.h"

#include <optional>

#include "chat_form.h"
#include "tokenizer_json.h"
#include "trim.h"

namespace routedk::text {
namespace {

namespace fs = std::filesystem;

// ChatML: SmolLM2's has a first part that contains the default system text; others begin with the second
// part.
constexpr std::string_view kLoop = "{% for message in messages %}";
constexpr std::string_view kBeforeSystem =
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n";
constexpr std::string_view kAfterSystem = "<|im_end|>\n' }}{% endif %}";
constexpr std::string_view kTurns =
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
constexpr std::string_view kNoPrompt =
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}";

// hash64 of the trimmed templates of Meta's Llama-3.1-8B-Instruct (Llama 3.3 has the same) and
// Llama-3.2-3B-Instruct. They differ in where the date comes from.
constexpr std::uint64_t kLlama31 = 0xCC0368E1FFB6B958;
constexpr std::uint64_t kLlama32 = 0x368F4C34B8554414;

/// A newline in a string may be literal or \n.
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

/// ChatML's default system text, which may be empty; nothing for any other template.
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

/// tokenizer_config.json's `chat_template`: a string, or a list of named ones with a "default".
std::string template_of(const JsonField& field) {
  if (!field.value().is_array()) {
    return field.text();
  }
  for (const JsonField& named : field.items()) {
    if (named["name"].is("default")) {
      return named["template"].text();
    }
  }
  field.refuse("have a template named \"default\"");
}

struct Source {
  std::string text;
  std::string name;
};

Source template_in(const fs::path& folder) {
  if (const fs::path jinja = folder / "chat_template.jinja"; fs::exists(jinja)) {
    return {read_file(jinja, kMostSettingsBytes), jinja.string()};
  }
  const fs::path config = folder / "tokenizer_config.json";
  const JsonField field =
      fs::exists(config) ? read_tokenizer_json(config)["chat_template"] : JsonField(nullptr, config.string());
  if (field.absent()) {
    throw_<FileError>(
        "{} must hold chat_template.jinja, or tokenizer_config.json with a `chat_template`, but holds "
        "neither; "
        "set `model.chat` to one of {}, or to a file.",
        folder.string(), form_names());
  }
  return {template_of(field), config.string()};
}

}  // namespace

ChatTemplate ChatTemplate::parse(std::string_view text, const std::string& source) {
  if (auto system = chatml_system(text)) {
    return chatml(std::move(*system));
  }
  if (const std::uint64_t hash = hash64(trim(text)); hash == kLlama31 || hash == kLlama32) {
    return llama31();
  }
  if (text.size() > kMostSettingsBytes) {
    throw_<ConfigError>("The chat template of {} must have at most {} bytes, but has {}.", source,
                        kMostSettingsBytes, text.size());
  }
  return ChatTemplate(jinja_form(std::string(text), source));
}

bool ChatTemplate::is_name(std::string_view name) {
  return form_named(name) != nullptr;
}

ChatTemplate ChatTemplate::named(const std::string& name_or_file) {
  if (auto form = form_named(name_or_file)) {
    return ChatTemplate(std::move(form));
  }
  if (!fs::exists(name_or_file)) {
    throw_<ConfigError>(
        "`model.chat` must be one of {}, or a file with a Jinja template, but is `{}` instead.", form_names(),
        name_or_file);
  }
  return parse(read_file(name_or_file, kMostSettingsBytes), name_or_file);
}

ChatTemplate ChatTemplate::from_gguf(const io::GgufFile& file) {
  const std::string key = "tokenizer.chat_template";
  const std::string name = file.file().path().string();
  if (!file.has(key)) {
    throw_<FileError>("{} must hold a `{}`, but holds none; set `model.chat` to one of {}, or to a file.",
                      name, key, form_names());
  }
  return parse(file.text(key), name);
}

ChatTemplate ChatTemplate::load(const fs::path& model) {
  if (!fs::is_directory(model)) {
    return from_gguf(io::GgufFile::open(model));
  }
  const Source source = template_in(model);
  return parse(source.text, source.name);
}

}  // namespace routedk::text
