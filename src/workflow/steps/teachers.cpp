#include "teachers.h"

#include "routedk/bundle/baselines.h"
#include "routedk/core/config_types.h"
#include "routedk/core/error.h"
#include "routedk/distill/annotation_teacher.h"
#include "routedk/distill/endpoint_model.h"
#include "routedk/distill/local_model.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/steps/steps.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace routedk::workflow {
namespace {

/// The annotation teacher's rules are derived from the mistakes of this heuristic.
constexpr const char* kProposer = "similar_groups";

TeacherAtWork annotation_teacher(const Experiment& experiment) {
  const std::vector<bundle::Session>& training = experiment.split().train;
  const TeacherConfig& settings = experiment.config().teacher;
  distill::AnnotationOptions options;
  options.mentions = experiment.config().thoughts.mentions;
  options.rules_per_session = static_cast<int>(settings.rules_per_session);
  options.domain_rules = static_cast<int>(settings.domain_rules);
  const bundle::TfIdf titles(experiment.dataset().titles);
  auto teacher = std::make_unique<distill::AnnotationTeacher>(
      training, bundle::predict_baseline(kProposer, training, titles), options);
  TeacherAtWork made;
  made.study = teacher->report();
  made.teacher = std::move(teacher);
  return made;
}

distill::ChatSampling sampling_of(const TeacherConfig& settings) {
  return {settings.temperature, settings.max_tokens, settings.seed};
}

/// Whether it looks like a variable's name rather than a key written there by mistake.
bool looks_like_variable(const std::string& name) {
  constexpr std::size_t kLongest = 40;
  return name.size() <= kLongest && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isupper(c) != 0 || std::isdigit(c) != 0 || c == '_';
         });
}

/// A number, word or text, interpreted as in YAML.
io::Json json_of(const ConfigNode& node) {
  io::Json json;
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      return nullptr;
    case ConfigNode::Kind::kList:
      json = io::Json::array();
      for (const ConfigNode& item : node.children) {
        json.push_back(json_of(item));
      }
      return json;
    case ConfigNode::Kind::kMap:
      json = io::Json::object();
      for (const ConfigNode& item : node.children) {
        json[item.name] = json_of(item);
      }
      return json;
    case ConfigNode::Kind::kScalar:
      break;
  }
  if (const auto whole = parse_number<std::int64_t>(node)) {
    return *whole;
  }
  if (const auto real = parse_number<double>(node)) {
    return *real;
  }
  const auto truth = parse_bool(node);
  return truth ? io::Json(*truth) : io::Json(node.text);
}

/// The key comes only from the environment, so that no file or log can contain it.
std::string key_in(const std::string& variable) {
  if (variable.empty()) {
    return {};
  }
  const char* key = std::getenv(variable.c_str());
  if (key == nullptr || *key == '\0') {
    throw_<ConfigError>(
        "`teacher.endpoint.key_variable` must name an environment variable that is set, but {} is not.",
        looks_like_variable(variable) ? "`" + variable + "`" : "what it names");
  }
  return key;
}

std::unique_ptr<distill::ChatModel> endpoint_model(const TeacherConfig& settings) {
  const EndpointConfig& e = settings.endpoint;
  distill::EndpointOptions options;
  options.url = e.url;
  options.model = settings.model;
  options.key = key_in(e.key_variable);
  options.concurrency = static_cast<int>(e.concurrency);
  options.attempts = static_cast<int>(e.attempts);
  options.first_wait = e.first_wait;
  options.longest_wait = e.longest_wait;
  options.sampling = sampling_of(settings);
  options.parameters = json_of(e.parameters.root);
  options.http.connect_seconds = e.connect_seconds;
  options.http.read_seconds = e.read_seconds;
  options.http.ca_file = e.ca_file;
  return std::make_unique<distill::EndpointModel>(std::move(options));
}

std::unique_ptr<distill::ChatModel> local_model(Experiment& experiment) {
  const TeacherConfig& settings = experiment.config().teacher;
  if (settings.model.empty()) {
    return std::make_unique<distill::LocalModel>(experiment.backbone(), experiment.encoder(),
                                                 sampling_of(settings));
  }
  auto backbone = std::make_shared<const model::Backbone>(
      model::Backbone::load(settings.model, load_options(experiment.config().model)));
  return std::make_unique<distill::LocalModel>(
      std::move(backbone), bundle::SessionEncoder::load(settings.model), sampling_of(settings));
}

distill::ChatTeacherOptions chat_options(const Experiment& experiment) {
  const TeacherConfig& settings = experiment.config().teacher;
  distill::ChatTeacherOptions options;
  options.name = fmt::format("{}/1", settings.kind);
  options.model = settings.model;
  options.dialogue = {&experiment.templates(), experiment.config().thoughts.mentions,
                      static_cast<int>(settings.rounds), static_cast<int>(settings.rules_per_session),
                      static_cast<int>(settings.retries)};
  options.sampling = sampling_of(settings);
  if (!settings.endpoint.parameters.root.children.empty()) {
    options.parameters = json_of(settings.endpoint.parameters.root).dump();
  }
  options.batch = static_cast<int>(settings.batch);
  options.budget = budget_of(settings.budget);
  return options;
}

}  // namespace

distill::Budget budget_of(const BudgetConfig& settings) {
  return {settings.tokens, settings.cost, settings.prompt_price, settings.completion_price};
}

void check_teacher(const ExperimentConfig& config) {
  const TeacherConfig& settings = config.teacher;
  switch (settings.kind) {
    case distill::TeacherKind::kEndpoint:
      endpoint_model(settings);
      return;
    case distill::TeacherKind::kLocal:
      if (!settings.model.empty()) {
        model::WeightSource::open(settings.model);
        bundle::SessionEncoder::load(settings.model);
      }
      return;
    case distill::TeacherKind::kAnnotation:
      return;
  }
}

TeacherAtWork make_teacher(Experiment& experiment, const std::filesystem::path& store) {
  const TeacherConfig& settings = experiment.config().teacher;
  if (settings.kind == distill::TeacherKind::kAnnotation) {
    return annotation_teacher(experiment);
  }
  distill::ChatTeacherOptions options = chat_options(experiment);
  if (settings.kind == distill::TeacherKind::kLocal && settings.model.empty()) {
    options.model = experiment.config().model.path;
  }
  TeacherAtWork made;
  made.model =
      settings.kind == distill::TeacherKind::kEndpoint ? endpoint_model(settings) : local_model(experiment);
  made.teacher = std::make_unique<distill::ChatTeacher>(*made.model, options, distill::Spending(store));
  return made;
}

}  // namespace routedk::workflow
