#include "peft_config.h"
#include "support/tiny_llama.h"
#include "targets.h"

namespace routedk::fuzz {

void adapter_config(const std::filesystem::path& file) {
  experts::read_peft_config(file, testing::tiny_config());
}

}  // namespace routedk::fuzz
