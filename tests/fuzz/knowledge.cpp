#include "routedk/bundle/knowledge.h"

#include "routedk/distill/rule_lines.h"

#include "targets.h"

namespace routedk::fuzz {

void knowledge(const std::filesystem::path& file) {
  distill::induce_rules(bundle::KnowledgeStore::load(file), 10);
}

}  // namespace routedk::fuzz
