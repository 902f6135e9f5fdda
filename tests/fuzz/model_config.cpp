#include "routedk/model/config.h"
#include "routedk/text/vocabulary.h"

#include <fstream>

#include "parts.h"
#include "targets.h"

namespace routedk::fuzz {

/// config.json and the files beside it that name tokens.
void model_config(const std::filesystem::path& file) {
  const auto folder =
      folder_of_parts(file, {"config.json", "tokenizer_config.json", "generation_config.json"});
  const auto config = model::LlamaConfig::from_json(folder / "config.json");
  model::config_json(config, "float32");
  std::filesystem::copy_file(ROUTEDK_SOURCE_DIR "/tests/goldens/tiny_chat/tokenizer.json",
                             folder / "tokenizer.json", std::filesystem::copy_options::skip_existing);
  text::Vocabulary::load(folder);
}

}  // namespace routedk::fuzz
