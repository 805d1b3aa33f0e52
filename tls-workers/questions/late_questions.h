// Questions that were closed while a query for them had been given up but might still be answered:
// their answer is no longer any client's, but the cache can have it.
//
// The last few hundred, newer ones in the place of older ones: when many queries time out, none
// of them is answered.
#pragma once

#include <vector>

#include "dataplane/dns/question.h"
#include "tls-workers/sessions/inflight.h"

namespace questions {

class LateQuestions {
 public:
  LateQuestions() : remembered_(kRemembered) {}

  void remember(sessions::QuestionHandle handle, const dns::Question& question) {
    remembered_[handle.slot % kRemembered] = {handle, question};
  }
  /// nullptr if it is not known any more. Good until the next `remember`.
  [[nodiscard]] const dns::Question* find(sessions::QuestionHandle handle) const {
    const Late& late = remembered_[handle.slot % kRemembered];
    return late.handle == handle ? &late.question : nullptr;
  }

  static constexpr size_t kRemembered = 256;

 private:
  struct Late {
    sessions::QuestionHandle handle;  // Generations begin at 1, so an empty place matches none.
    dns::Question question;
  };
  std::vector<Late> remembered_;
};

}  // namespace questions
