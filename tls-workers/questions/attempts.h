// What backends have made of one question so far: which may be asked for it again, and when it has
// been asked often enough.
//
// A backend is asked for a question three times at most (RFC 9520 §3.1). A session that ends before
// the answer has come is no failure of it, so the question is asked again for as long as there is
// time (RFC 7766 §6.2.4); but a resolver that closes on each query is not to be asked without end
// (CVE-2023-46317 shows what becomes of that).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace questions {

/// How a query ended without an answer.
enum class Loss : uint8_t {
  Cut,       // Its session ended, over something else.
  Spoiled,   // Its session ended over what made no sense: it is not known whose answer that was.
  Failed,    // The backend failed it; it may do better the next time.
  RuledOut,  // The backend failed it, and would again.
};

class Attempts {
 public:
  /// A query has been sent to `backend`, ...
  void asked(uint32_t backend) {
    Record* record = record_of(backend);
    if (record != nullptr) ++record->sent;
  }
  /// ... and is lost.
  void lost(uint32_t backend, Loss loss) {
    if (loss == Loss::Cut) ++cut_;
    if (loss == Loss::Spoiled) ++spoiled_;
    Record* record = record_of(backend);
    if (record == nullptr) return;
    switch (loss) {
      case Loss::Cut:
      case Loss::Spoiled:
        ++record->cut;
        if (record->sent > 0) --record->sent;
        break;
      case Loss::Failed:
        ++record->failed;
        break;
      case Loss::RuledOut:
        record->failed = kMostFailures;
        break;
    }
  }
  /// A query to `backend` has not been answered in time, which is a failure. Until `came_to_an_end`
  /// its answer may still come, so that nothing is gained by asking there again; unless all is
  /// silent there, and another session may find out more.
  enum class Where : uint8_t { SessionAnswers, SessionIsSilent };
  void late(uint32_t backend, Where where) {
    Record* record = record_of(backend);
    if (record == nullptr) return;
    ++record->failed;
    if (where == Where::SessionAnswers) ++record->late;
  }
  void came_to_an_end(uint32_t backend) {
    Record* record = find(backend);
    if (record != nullptr && record->late > 0) --record->late;
  }

  [[nodiscard]] bool may_ask(uint32_t backend) const {
    if (enough()) return false;
    const Record* record = find(backend);
    if (record == nullptr) return count_ < kMostBackends;
    return std::max(record->failed, record->sent) < kMostFailures && record->late == 0;
  }
  /// How often it has been asked there in vain so far: the backend with the fewest is asked next.
  [[nodiscard]] unsigned in_vain(uint32_t backend) const {
    const Record* record = find(backend);
    return record == nullptr ? 0u : unsigned{std::max(record->failed, record->sent)} + record->cut;
  }
  /// No backend is asked for it any more.
  [[nodiscard]] bool enough() const { return cut_ >= kMostCut || spoiled_ >= kMostSpoiled; }
  /// A backend has failed it, not only the way there: reason to take it for failed for a while.
  [[nodiscard]] bool has_failed() const {
    return std::ranges::any_of(records(), [](const Record& record) { return record.failed > 0; });
  }

  static constexpr uint8_t kMostFailures = 3;  // Of one backend.
  static constexpr size_t kMostBackends = 8;   // Those further down the list are not asked.
  static constexpr uint8_t kMostCut = 8;
  static constexpr uint8_t kMostSpoiled = 6;  // Beside one query in ten that is, few reach it.

 private:
  struct Record {
    uint32_t backend = 0;
    uint8_t sent = 0;  // Queries whose session did not end under them.
    uint8_t failed = 0;
    uint8_t cut = 0;
    uint8_t late = 0;  // Queries that are overdue and may still be answered.
  };

  [[nodiscard]] std::span<const Record> records() const {
    return std::span(records_).first(count_);
  }
  [[nodiscard]] const Record* find(uint32_t backend) const {
    const auto found = std::ranges::find(records(), backend, &Record::backend);
    return found == records().end() ? nullptr : &*found;
  }
  [[nodiscard]] Record* find(uint32_t backend) {
    return const_cast<Record*>(std::as_const(*this).find(backend));
  }
  /// nullptr if there are too many already; then `backend` was not to be asked.
  [[nodiscard]] Record* record_of(uint32_t backend) {
    Record* record = find(backend);
    if (record != nullptr || count_ == kMostBackends) return record;
    records_[count_] = {.backend = backend};
    return &records_[count_++];
  }

  std::array<Record, kMostBackends> records_;
  uint8_t count_ = 0;
  uint8_t cut_ = 0;
  uint8_t spoiled_ = 0;
};

}  // namespace questions
