#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/eval/verifier.h"
#include "routedk/io/json_field.h"
#include "routedk/quant/tensor_view.h"

#include "candidate_features.h"
#include <fmt/ranges.h>

namespace routedk::eval {
namespace {

constexpr const char* kWeightFile = "verifier.safetensors";
constexpr const char* kReportFile = "verifier.json";

io::Json to_json(const VerifierReport& report) {
  return {
      {"figures", kFigures},
      {"sessions", report.sessions},
      {"candidates", report.candidates},
      {"ridge", report.ridge},
      {"held_out",
       {{"selected_f1", report.selected_f1}, {"mean_f1", report.mean_f1}, {"oracle_f1", report.oracle_f1}}}};
}

VerifierReport report_from(const io::JsonField& report) {
  report.allow_only({"figures", "sessions", "candidates", "ridge", "held_out"});
  report["figures"].require(report["figures"].value() == io::Json(kFigures),
                            "be " + io::Json(kFigures).dump());
  const io::JsonField held_out = report["held_out"];
  return {report["sessions"].integer(0),  report["candidates"].integer(0), report["ridge"].real(0),
          held_out["selected_f1"].real(), held_out["mean_f1"].real(),      held_out["oracle_f1"].real()};
}

}  // namespace

void Verifier::save(const std::filesystem::path& folder) const {
  FolderWriter writer(folder);
  const std::array<io::TensorView, 1> tensors = {quant::to_view("weight", weight_)};
  io::write_safetensors(writer.path() / kWeightFile, tensors);
  io::write_json(writer.path() / kReportFile, to_json(report_));
  writer.commit();
}

Verifier Verifier::load(const std::filesystem::path& folder, std::int64_t hidden) {
  Verifier verifier;
  verifier.report_ = report_from(io::read_json_field(folder / kReportFile));
  const auto file = io::SafetensorsFile::open(folder / kWeightFile);
  const io::TensorView& stored = file.at("weight");
  const std::int64_t size = hidden + static_cast<std::int64_t>(kFigures.size());
  if (stored.dtype != io::Dtype::kF64 || stored.shape != std::vector<std::int64_t>{size}) {
    throw_<FileError>("a verifier's `weight` must be F64 [{}] for the model, but is {} [{}] instead ({})",
                      size, stored.dtype, fmt::join(stored.shape, ","), (folder / kWeightFile).string());
  }
  verifier.weight_ = quant::to_tensor(stored);
  if (!at::isfinite(verifier.weight_).all().item<bool>()) {
    throw_<FileError>("a verifier's `weight` must be finite, but is not ({})",
                      (folder / kWeightFile).string());
  }
  return verifier;
}

}  // namespace routedk::eval
