/// The questions that lead to one record, and the checks of the replies to them.
#pragma once

#include "routedk/bundle/prompt.h"
#include "routedk/distill/annotation_teacher.h"
#include "routedk/distill/chat_model.h"
#include "routedk/distill/teacher.h"

#include <memory>
#include <string>
#include <vector>

namespace routedk::distill {

/// How a teacher that is asked is asked.
struct DialogueOptions {
  const bundle::PromptTemplates* templates = nullptr;  ///< outlives the dialogues
  Mentions mentions = Mentions::kDescriptions;
  int rounds = 2;             ///< at most so many times a session's proposal is reflected on
  int rules_per_session = 4;  ///< at most so many rules are taken from a reflection
  int retries = 2;            ///< a reply that fails its check is asked for again, at most so many times
};

/// One record under way: `request` says what to ask, `take` checks the reply, without its thinking
/// (distill/thinking.h), and continues. A reply that fails
/// its check is asked for again; after that many retries the record is whole without a text, and says why.
class Dialogue {
 public:
  Dialogue(const Task& task, const DialogueOptions& settings, const bundle::TeacherCard& card);
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;
  virtual ~Dialogue() = default;

  bool done() const noexcept { return done_; }
  /// The present question; not when done.
  ChatRequest request() const;
  void take(const ChatReply& reply);
  /// Ends without a text: the present question will get no reply.
  void give_up(const std::string& reason);
  /// The record, when done.
  const bundle::KnowledgeRecord& record() const noexcept { return record_; }

 protected:
  struct Question {
    std::string name;  ///< for the record's turns
    std::vector<text::ChatMessage> messages;
    bool wants_answer = false;  ///< bundles rather than text
  };

  const bundle::Session& session() const noexcept { return *task_.session; }
  const DialogueOptions& settings() const noexcept { return settings_; }
  /// The record is whole.
  void finish(std::string text);

 private:
  virtual Question question() const = 0;
  /// Continues to the next question or finishes and returns ""; or stays and says what is wrong with the
  /// reply.
  virtual std::string accept(const std::string& reply) = 0;

  Task task_;
  DialogueOptions settings_;
  bundle::KnowledgeRecord record_;
  int failures_ = 0;  ///< of the present question
  bool done_ = false;
};

/// rules: proposes from the session, then from session and rules, and after each proposal receives
/// feedback_on it and reflects, until `rounds`, a proposal without faults, or nothing changes any more.
/// thought: shown gold, reasons from titles to intents to composition and ends with the bundles, which must
/// be gold's; it must speak of two products of each by a word of their titles, and of none by number unless
/// `mentions` says so. answer: the bundles of the session, gold unseen; the text is bundle::canonical_answer.
std::unique_ptr<Dialogue> open_dialogue(const Task& task, const DialogueOptions& settings,
                                        const bundle::TeacherCard& card);

/// 16 hexadecimal digits of the templates that dialogues ask with.
std::string dialogue_prompts_hash(const bundle::PromptTemplates& templates);

}  // namespace routedk::distill
