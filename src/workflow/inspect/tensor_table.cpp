#include "tensor_table.h"

#include "routedk/core/display.h"
#include "routedk/io/json_field.h"
#include "routedk/io/safetensors.h"
#include "routedk/quant/tensor_view.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>
#include <fmt/format.h>

namespace routedk::workflow {
namespace {

constexpr std::size_t kMostShown = 100;  // bytes shown of a name

bool is_floating(io::Dtype dtype) noexcept {
  return dtype == io::Dtype::kF64 || quant::is_weight_type(dtype);
}

/// null for a norm that is infinite or undefined, as JSON would write it.
io::Json norm_of(const io::TensorView& view) {
  return is_floating(view.dtype) ? io::Json(quant::to_tensor(view).to(at::kDouble).norm().item<double>())
                                 : io::Json();
}

/// Orders numbers in names by their values: layer 2 before layer 10.
std::string sort_key(const std::string& name) {
  constexpr std::size_t kDigits = 20;
  std::string key;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find_first_not_of("0123456789", at), name.size());
    if (end > at) {
      key += fmt::format("{:0>{}}", name.substr(at, end - at), kDigits);
      at = end;
    } else {
      key += name[at++];
    }
  }
  return key;
}

/// The tensors of a file in that order.
std::vector<const io::TensorView*> ordered(const io::SafetensorsFile& file) {
  std::map<std::pair<std::string, std::string>, const io::TensorView*> by_key;
  for (const auto& [name, view] : file.tensors()) {
    by_key[{sort_key(name), name}] = &view;
  }
  std::vector<const io::TensorView*> views;
  views.reserve(by_key.size());
  for (const auto& [key, view] : by_key) {
    views.push_back(view);
  }
  return views;
}

/// null, and an empty text, list or object.
bool is_blank(const io::Json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_structured() && value.empty());
}

std::string norm_text(const io::Json& norm) {
  return norm.is_null() ? "-" : fmt::format("{:.6g}", norm.get<double>());
}

}  // namespace

io::Json describe_folder(const DescribedFolder& folder) {
  const io::JsonField config = io::read_json_field(folder.path / folder.config);
  config.require(config.value().is_object(), "be a JSON object");
  const auto file = io::SafetensorsFile::open(folder.path / folder.tensors);
  io::Json tensors = io::Json::array();
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  for (const io::TensorView* tensor : ordered(file)) {
    const io::TensorView& view = *tensor;
    tensors.push_back({{"name", view.name},
                       {"type", name_of(view.dtype)},
                       {"shape", view.shape},
                       {"bytes", view.bytes.size()},
                       {"norm", norm_of(view)}});
    parameters += c10::multiply_integers(view.shape);
    bytes += view.bytes.size();
  }
  return {{"path", folder.path.string()},
          {"config", config.value()},
          {"parameters", parameters},
          {"bytes", bytes},
          {"tensors", tensors}};
}

void print_summary(const io::Json& found, std::ostream& out) {
  for (const auto& [key, value] : found["config"].items()) {
    if (is_blank(value)) {
      continue;
    }
    out << fmt::format("{:<26} {}\n", displayed(key, kMostShown),
                       displayed(value.dump(-1, ' ', false, io::Json::error_handler_t::replace)));
  }
  out << fmt::format("{:<26} {}\n{:<26} {}\n\n", "parameters", found["parameters"].dump(), "bytes",
                     found["bytes"].dump());
}

void print_tensors(const io::Json& tensors, const ColumnWidths& widths, std::ostream& out) {
  const auto line = [&](const std::string& name, const std::string& type, const std::string& shape,
                        const std::string& bytes, const std::string& norm) {
    out << fmt::format("{:<{}} {:<{}} {:<{}} {:>12} {:>12}\n", name, widths.name, type, widths.type, shape,
                       widths.shape, bytes, norm);
  };
  line("tensor", "type", "shape", "bytes", "norm");
  for (const io::Json& tensor : tensors) {
    line(displayed(tensor["name"].get<std::string>(), kMostShown), tensor["type"].get<std::string>(),
         tensor["shape"].dump(), tensor["bytes"].dump(), norm_text(tensor["norm"]));
  }
}

void print_description(const io::Json& found, bool json, std::ostream& out) {
  if (json) {
    out << found.dump(-1, ' ', false, io::Json::error_handler_t::replace) << '\n' << std::flush;
    return;
  }
  print_summary(found, out);
  std::size_t width = 0;
  for (const io::Json& tensor : found["tensors"]) {
    width = std::max(width, tensor["name"].get_ref<const std::string&>().size());
  }
  print_tensors(found["tensors"], {std::min(width, kMostShown), 5, 14}, out);
  out.flush();
}

}  // namespace routedk::workflow
