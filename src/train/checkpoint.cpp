#include "routedk/train/checkpoint.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/json_field.h"
#include "routedk/io/safetensors.h"
#include "routedk/quant/tensor_view.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace routedk::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kState = "state.json";
constexpr const char* kTensors = "tensors.safetensors";
constexpr std::string_view kPrefix = "step-";

/// The steps in a name "step-000040"; empty for other names.
std::optional<std::int64_t> step_of(const fs::path& path) {
  const std::string name = path.filename().string();
  std::int64_t step = 0;
  if (name.rfind(kPrefix, 0) != 0) {
    return std::nullopt;
  }
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  return error == std::errc() && stop == end ? std::optional(step) : std::nullopt;
}

/// Checkpoints of a folder, the newest first.
std::vector<fs::path> checkpoints(const fs::path& folder) {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    if (const auto step = step_of(entry.path())) {
      found.emplace_back(*step, entry.path());
    }
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> paths(found.size());
  std::transform(found.begin(), found.end(), paths.begin(), [](auto& one) { return std::move(one.second); });
  return paths;
}

io::Json to_json(const GroupProgress& p) {
  return {{"step", p.step},
          {"bad_steps", p.bad_steps},
          {"bad_steps_in_a_row", p.bad_steps_in_a_row},
          {"last_loss", p.last_loss},
          {"best_validation_loss", p.best_validation_loss ? io::Json(*p.best_validation_loss) : io::Json()},
          {"best_step", p.best_step},
          {"stale_validations", p.stale_validations},
          {"tokens", p.tokens},
          {"answer_tokens", p.answer_tokens},
          {"seconds", p.seconds},
          {"skipped_steps", p.skipped_steps}};
}

GroupProgress progress_from(const io::JsonField& group) {
  GroupProgress p;
  p.step = group["step"].integer(0);
  p.bad_steps = group["bad_steps"].integer(0);
  p.bad_steps_in_a_row = group["bad_steps_in_a_row"].integer(0);
  p.last_loss = group["last_loss"].real();
  if (const io::JsonField best = group["best_validation_loss"]; !best.absent()) {
    p.best_validation_loss = best.real();
  }
  p.best_step = group["best_step"].integer(0);
  p.stale_validations = group["stale_validations"].integer(0);
  p.tokens = group["tokens"].integer(0);
  p.answer_tokens = group["answer_tokens"].integer(0);
  p.seconds = group["seconds"].real(0);
  p.skipped_steps = group["skipped_steps"].integer(0);
  return p;
}

io::Json state_json(const Checkpoint& checkpoint) {
  io::Json groups = io::Json::object();
  for (const auto& [name, state] : checkpoint.groups) {
    groups[name] = to_json(state.progress);
  }
  return {{"step", checkpoint.step},
          {"groups", std::move(groups)},
          {"fingerprint", checkpoint.fingerprint},
          {"machine", checkpoint.machine}};
}

std::vector<io::TensorView> tensor_views(const Checkpoint& checkpoint) {
  std::vector<io::TensorView> views;
  for (const auto& [name, state] : checkpoint.groups) {
    views.push_back(quant::to_view(name + ".values", state.values));
    views.push_back(quant::to_view(name + ".first_moment", state.moments.first));
    views.push_back(quant::to_view(name + ".second_moment", state.moments.second));
    if (state.best_values.defined()) {
      views.push_back(quant::to_view(name + ".best_values", state.best_values));
    }
    if (state.average.defined()) {
      views.push_back(quant::to_view(name + ".average", state.average));
    }
  }
  return views;
}

at::Tensor read_tensor(const io::SafetensorsFile& file, const fs::path& path, const std::string& name,
                       std::int64_t size) {
  const io::TensorView& tensor = file.at(name);
  if (tensor.dtype != io::Dtype::kF32 || tensor.shape != std::vector<std::int64_t>{size}) {
    throw_<FileError>(
        "tensor `{}` of a checkpoint must be F32 with {} numbers, but is {} with {} bytes instead ({}).",
        name, size, tensor.dtype, tensor.bytes.size(), path.string());
  }
  return quant::to_tensor(tensor);
}

void remove_folder(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) {
    throw_<SystemError>("{} must be removed, but the system says: {}.", path.string(), error.message());
  }
}

/// Renames first, so that an interrupted removal leaves no partial checkpoint.
void remove_checkpoint(const fs::path& path) {
  const fs::path doomed = temporary_name(path);
  std::error_code error;
  fs::rename(path, doomed, error);
  remove_folder(error ? path : doomed);
}

}  // namespace

void save_checkpoint(const fs::path& folder, const Checkpoint& checkpoint, std::int64_t keep) {
  FolderWriter writer(folder / fmt::format("{}{:06}", kPrefix, checkpoint.step));
  io::write_safetensors(writer.path() / kTensors, tensor_views(checkpoint));
  io::write_json(writer.path() / kState, state_json(checkpoint));
  writer.commit();
  const std::vector<fs::path> all = checkpoints(folder);
  for (auto i = static_cast<std::size_t>(keep); i < all.size(); ++i) {
    remove_checkpoint(all[i]);
  }
}

std::optional<fs::path> newest_checkpoint(const fs::path& folder) {
  std::vector<fs::path> all = checkpoints(folder);
  return all.empty() ? std::nullopt : std::optional(std::move(all.front()));
}

Checkpoint read_checkpoint_state(const fs::path& path) {
  const io::JsonField state = io::read_json_field(path / kState);
  state.allow_only({"step", "groups", "fingerprint", "machine"});
  Checkpoint checkpoint;
  checkpoint.step = state["step"].integer(0);
  checkpoint.fingerprint = state["fingerprint"].value();
  checkpoint.machine = state["machine"].value();
  const io::JsonField groups = state["groups"];
  groups.require(groups.value().is_object(), "be an object");
  for (const auto& [name, progress] : groups.value().items()) {
    checkpoint.groups[name].progress = progress_from(groups[name]);
  }
  return checkpoint;
}

Checkpoint read_checkpoint(const fs::path& path, const std::map<std::string, std::int64_t>& parameters) {
  Checkpoint checkpoint = read_checkpoint_state(path);
  const fs::path tensors = path / kTensors;
  const io::SafetensorsFile file = io::SafetensorsFile::open(tensors);
  for (const auto& [name, size] : parameters) {
    const auto group = checkpoint.groups.find(name);
    if (group == checkpoint.groups.end()) {
      throw_<FileError>("a checkpoint must hold parameter group `{}`, but does not ({}).", name,
                        (path / kState).string());
    }
    GroupState& state = group->second;
    state.values = read_tensor(file, tensors, name + ".values", size);
    state.moments.first = read_tensor(file, tensors, name + ".first_moment", size);
    state.moments.second = read_tensor(file, tensors, name + ".second_moment", size);
    if (state.progress.best_validation_loss) {
      state.best_values = read_tensor(file, tensors, name + ".best_values", size);
    }
    if (file.tensors().contains(name + ".average")) {
      state.average = read_tensor(file, tensors, name + ".average", size);
    }
  }
  return checkpoint;
}

void remove_unfinished(const fs::path& folder) {
  std::error_code missing;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    if (is_temporary_name(entry.path())) {
      found.push_back(entry.path());
    }
  }
  std::for_each(found.begin(), found.end(), remove_folder);
}

}  // namespace routedk::train
