/// The questions for one record, and the checks of the replies.
#pragma once

#include "routedk/bundle/prompt.h"
#include "routedk/distill/annotation_teacher.h"
#include "routedk/distill/chat_model.h"
#include "routedk/distill/teacher.h"

#include <memory>
#include <string>
#include <vector>

namespace routedk::distill {

/// How a chat model is asked.
struct DialogueOptions {
  const bundle::PromptTemplates* templates = nullptr;  ///< outlives the dialogues
  Mentions mentions = Mentions::kDescriptions;
  int rounds = 2;             ///< maximum reflections on a session's proposal
  int rules_per_session = 4;  ///< maximum rules taken from a reflection
  int retries = 2;            ///< how often a reply that fails its check is requested again
};

/// One record in progress: `request` returns the question, `take` checks the reply, without its thinking
/// (distill/thinking.h), and continues. A reply that fails its check is requested again; after `retries`
/// retries the record is complete without a text and states why.
class Dialogue {
 public:
  Dialogue(const Task& task, const DialogueOptions& settings, const bundle::TeacherCard& card);
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;
  virtual ~Dialogue() = default;

  bool done() const noexcept { return done_; }
  /// The current question; invalid when done.
  ChatRequest request() const;
  void take(const ChatReply& reply);
  /// Ends without a text: there will be no reply to the current question.
  void give_up(const std::string& reason);
  /// The record, when done.
  const bundle::KnowledgeRecord& record() const noexcept { return record_; }

 protected:
  struct Question {
    std::string name;  ///< for the record's turns
    std::vector<text::ChatMessage> messages;
    bool wants_answer = false;  ///< expects bundles rather than text
  };

  const bundle::Session& session() const noexcept { return *task_.session; }
  const DialogueOptions& settings() const noexcept { return settings_; }
  /// Completes the record.
  void finish(std::string text);

 private:
  virtual Question question() const = 0;
  /// Continues to the next question or finishes, and returns ""; or stays and returns what is wrong with the
  /// reply.
  virtual std::string accept(const std::string& reply) = 0;

  Task task_;
  DialogueOptions settings_;
  bundle::KnowledgeRecord record_;
  int failures_ = 0;  ///< for the current question
  bool done_ = false;
};

/// rules: proposes from the session, then from session and rules, and after each proposal receives
/// feedback_on it and reflects, until `rounds`, a proposal without faults, or no further change. thought:
/// given gold, reasons from titles to intents to composition and ends with the bundles, which must be gold's;
/// it must mention two products of each by a word of their titles, and none by number unless `mentions`
/// allows it. answer: the bundles of the session, without seeing gold; the text is bundle::canonical_answer.
std::unique_ptr<Dialogue> open_dialogue(const Task& task, const DialogueOptions& settings,
                                        const bundle::TeacherCard& card);

/// 16 hexadecimal digits of the templates used in dialogues.
std::string dialogue_prompts_hash(const bundle::PromptTemplates& templates);

}  // namespace routedk::distill
