#include "routedk/eval/answers.h"

#include "targets.h"

namespace routedk::fuzz {

void answers(const std::filesystem::path& file) {
  for (const auto& [session, answer] : eval::read_answers(file)) {
    eval::to_json(answer).dump();
  }
}

}  // namespace routedk::fuzz
