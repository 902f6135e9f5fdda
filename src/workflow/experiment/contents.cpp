#include "contents.h"

#include "routedk/core/input_file.h"
#include "routedk/core/random.h"
#include "routedk/io/mapped_file.h"
#include "routedk/text/chat_template.h"
#include "routedk/workflow/experiment/session_data.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

constexpr std::uint64_t kMostHashedBytes = 16ULL << 30U;

/// Hashes a file's bytes in place: examples and adapters may be large.
std::uint64_t hash_of_file(const std::filesystem::path& path) {
  InputFile(path).require_at_most(kMostHashedBytes);
  const auto file = io::MappedFile::open(path);
  return hash64({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()});
}

/// The regular files of a folder, sorted by name.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Hashes the names of a folder's files and the result of `hash_of` for each.
std::uint64_t hash_files(const std::filesystem::path& folder,
                         std::uint64_t (*hash_of)(const std::filesystem::path&)) {
  std::uint64_t hash = 0;
  for (const std::filesystem::path& file : files_in(folder)) {
    hash = mix64(hash ^ hash64(file.filename().string()) ^ mix64(hash_of(file)));
  }
  return hash;
}

/// Hashes a file's size and blocks spread over it, including both ends: fine-tunes of one architecture have
/// equal size and differ everywhere. Small files are hashed whole.
std::uint64_t hash_of_blocks(const std::filesystem::path& path) {
  constexpr std::size_t kBlock = 64U << 10U;
  constexpr std::size_t kBlocks = 64;
  const auto file = io::MappedFile::open(path);
  const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  std::uint64_t hash = mix64(bytes.size());
  if (bytes.size() <= kBlock * kBlocks) {
    return mix64(hash ^ hash64(bytes));
  }
  const std::size_t stride = (bytes.size() - kBlock) / (kBlocks - 1);
  for (std::size_t i = 0; i < kBlocks; ++i) {
    hash = mix64(hash ^ hash64(bytes.substr(i * stride, kBlock)));
  }
  return hash;
}

/// Hashes a GGUF file, or the files of a model folder with their names.
std::uint64_t hash_model(const std::filesystem::path& model) {
  return std::filesystem::is_directory(model) ? hash_files(model, hash_of_blocks) : hash_of_blocks(model);
}

/// Hashes the folders of the domains that are read.
std::uint64_t hash_domains(const DataConfig& data) {
  const std::filesystem::path folder = data_folder(data.dir);
  std::uint64_t hash = hash_files(folder / data.domain, hash_of_file);
  for (const std::string& other : data.others()) {
    hash = mix64(hash ^ mix64(hash_files(folder / other, hash_of_file)));
  }
  return hash;
}

/// Hashes the contents of the user's own examples.
std::uint64_t hash_examples(const DataConfig& data) {
  const std::uint64_t training = hash_of_file(data.examples);
  return mix64(training ^
               (data.validation_examples.empty() ? 0 : mix64(hash_of_file(data.validation_examples))));
}

}  // namespace

std::string model_contents(const std::filesystem::path& model) {
  return fmt::format("{:016x}", hash_model(model));
}

Experiment::Contents contents_of(const ExperimentConfig& config) {
  const std::uint64_t model = hash_model(config.model.path);
  const std::string& form = config.model.chat;
  const std::uint64_t chat = form.empty() || text::ChatTemplate::is_name(form) ? 0 : hash_of_file(form);
  if (!config.data.examples.empty()) {
    const std::string& test = config.data.test_examples;
    return {hash_examples(config.data), test.empty() ? 0 : hash_of_file(test), 0, model, 0, chat};
  }
  const bool own = config.teacher.kind == distill::TeacherKind::kLocal && !config.teacher.model.empty();
  return {hash_domains(config.data),
          0,
          hash_files(config.prompts, hash_of_file),
          model,
          own ? hash_model(config.teacher.model) : 0,
          chat};
}

std::string hash_adapter(const std::filesystem::path& folder) {
  if (folder.empty()) {
    return "";
  }
  const std::uint64_t config = hash_of_file(folder / "adapter_config.json");
  return fmt::format("{:016x}", mix64(config ^ mix64(hash_of_file(folder / "adapter_model.safetensors"))));
}

}  // namespace routedk::workflow
