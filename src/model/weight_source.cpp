#include "routedk/model/weight_source.h"

#include "routedk/core/error.h"
#include "routedk/kernels/finite.h"

#include "folder_weights.h"
#include "gguf_weights.h"

namespace routedk::model {

std::unique_ptr<WeightSource> WeightSource::open(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    return std::make_unique<FolderWeights>(path);
  }
  return std::make_unique<GgufWeights>(io::GgufFile::open(path));
}

void require_finite(const at::Tensor& values, const std::string& name, const std::string& file) {
  if (!kernels::all_finite(values)) {
    throw_<FileError>("tensor `{}` must be finite, but holds infinite or undefined values ({})", name, file);
  }
}

}  // namespace routedk::model
