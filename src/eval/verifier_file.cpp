#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/eval/verifier.h"
#include "routedk/quant/tensor_view.h"

#include "candidate_features.h"

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

VerifierReport report_from(const io::Json& json) {
  const io::Json& held_out = json.at("held_out");
  return {json.at("sessions").get<std::int64_t>(), json.at("candidates").get<std::int64_t>(),
          json.at("ridge").get<double>(),          held_out.at("selected_f1").get<double>(),
          held_out.at("mean_f1").get<double>(),    held_out.at("oracle_f1").get<double>()};
}

}  // namespace

void Verifier::save(const std::filesystem::path& folder) const {
  FolderWriter writer(folder);
  const std::array<io::TensorView, 1> tensors = {quant::to_view("weight", weight_)};
  io::write_safetensors(writer.path() / kWeightFile, tensors);
  io::write_json(writer.path() / kReportFile, to_json(report_));
  writer.commit();
}

Verifier Verifier::load(const std::filesystem::path& folder) {
  Verifier verifier;
  const io::Json json = io::read_json(folder / kReportFile);
  try {
    verifier.report_ = report_from(json);
    if (json.at("figures") != io::Json(kFigures)) {
      throw_<FileError>("a verifier's figures must be {}, but are {} instead ({})", io::Json(kFigures).dump(),
                        json.at("figures").dump(), (folder / kReportFile).string());
    }
  } catch (const io::Json::exception& error) {
    throw_<FileError>("a verifier's report must hold its figures and what was held out: {} ({})",
                      error.what(), (folder / kReportFile).string());
  }
  const auto file = io::SafetensorsFile::open(folder / kWeightFile);
  verifier.weight_ = quant::to_tensor(file.at("weight"));
  const auto figures = static_cast<std::int64_t>(kFigures.size());
  if (verifier.weight_.dim() != 1 || verifier.weight_.scalar_type() != at::kDouble ||
      verifier.weight_.size(0) < figures || !kernels::all_finite(verifier.weight_)) {
    throw_<FileError>(
        "a verifier's weight must be a finite F64 vector of at least {} numbers, but is not ({})", figures,
        (folder / kWeightFile).string());
  }
  return verifier;
}

}  // namespace routedk::eval
