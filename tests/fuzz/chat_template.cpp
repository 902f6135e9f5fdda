#include "routedk/text/chat_template.h"

#include "parts.h"
#include "targets.h"

namespace routedk::fuzz {

/// tokenizer_config.json and the template's text beside it, which counts where both are there.
void chat_template(const std::filesystem::path& file) {
  const auto folder = folder_of_parts(file, {"tokenizer_config.json", "chat_template.jinja"});
  if (std::filesystem::file_size(folder / "chat_template.jinja") == 0) {
    std::filesystem::remove(folder / "chat_template.jinja");
  }
  text::ChatTemplate::load(folder);
}

}  // namespace routedk::fuzz
