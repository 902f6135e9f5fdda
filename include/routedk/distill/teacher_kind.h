/// The available teachers.
#pragma once

#include "routedk/core/named_enum.h"

namespace routedk::distill {

enum class TeacherKind {
  kAnnotation,  ///< writes from gold and human intents
  kEndpoint,    ///< a chat API
  kLocal,       ///< a model in this process
};
constexpr auto enum_names(TeacherKind /*of*/) {
  return std::to_array<EnumName<TeacherKind>>({{TeacherKind::kAnnotation, "annotation"},
                                               {TeacherKind::kEndpoint, "endpoint"},
                                               {TeacherKind::kLocal, "local"}});
}

}  // namespace routedk::distill
