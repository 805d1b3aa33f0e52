#include "tls-workers/sessions/health_checks.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

namespace sessions {
namespace {

/// A check's query belongs to no question; its generation is the check's number.
constexpr uint32_t kNoSlot = 0xFFFFFFFF;

/// The name to ask for, in wire form; behind a label never asked for before, if so set, so that the
/// resolver has to find it out.
std::vector<std::byte> name_to_ask(const backends::HealthSettings& settings) {
  std::vector<std::byte> name;
  if (settings.random_label) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
    std::array<unsigned char, 16> octets{};
    (void)RAND_bytes(octets.data(), octets.size());
    name.push_back(std::byte{octets.size()});
    for (const unsigned char octet : octets)
      name.push_back(static_cast<std::byte>(kLetters[octet % kLetters.size()]));
  }
  name.insert(name.end(), settings.qname.begin(), settings.qname.end());
  return name;
}

}  // namespace

void Checks::forget(uint32_t backend) {
  if (backend >= checks_.size()) {
    met_.resize(backend + 1);
    checks_.resize(backend + 1);
  }
  met_[backend].clear();
  checks_[backend].running =
      false;  // Its number goes on, so that no late answer is taken for the next one's.
}

void Checks::unreachable(uint32_t backend, backends::Failure why, base::Time now) {
  if (checks_[backend].running && !checks_[backend].sent) return end(backend, why, now);
  changed_(backend, rotation(backend).unreachable(why, now));
}

void Checks::heard(uint32_t backend, const Asked& asked, base::ByteView message, base::Time now) {
  if (!is_current(backend, asked)) return;
  const base::Result<dns::Answer, dns::AnswerFault> answer =
      dns::parse_answer(message, checks_[backend].question, places_);
  if (!answer) {
    const bool other = answer.error() == dns::AnswerFault::WrongQuestion;
    return end(backend, other ? backends::Failure::Mismatch : backends::Failure::Malformed, now);
  }
  // Any other word of the resolver's is one: the name need not exist.
  const bool failed = answer->rcode == dns::Rcode::ServFail;
  end(backend, failed ? std::optional(backends::Failure::ServFail) : std::nullopt, now);
}

void Checks::lost(uint32_t backend, const Asked& asked, backends::Failure why, base::Time now) {
  if (is_current(backend, asked)) end(backend, why, now);
}

bool Checks::is_current(uint32_t backend, const Asked& asked) const {
  const Check& check = checks_[backend];
  return check.running && check.sent && asked.question.generation == check.number;
}

void Checks::tend(base::Time now) {
  for (uint32_t backend = 0; backend < checks_.size(); ++backend) {
    if (!backends_.has(backend)) continue;
    if (!met_[backend].nothing()) {
      changed_(backend, rotation(backend).sample(met_[backend], now));
      met_[backend].clear();
    }
    if (rotation(backend).check_due(now)) begin(backend, now);
    Check& check = checks_[backend];
    if (check.running && now >= check.deadline) end(backend, backends::Failure::Deadline, now);
    if (check.running && !check.sent) send(backend, now);
  }
}

void Checks::begin(uint32_t backend, base::Time now) {
  const backends::HealthSettings& settings = rotation(backend).settings();
  Check& check = checks_[backend];
  check.running = true;
  check.sent = false;
  ++check.number;
  check.deadline = now + settings.timeout;
  check.question = dns::make_question(name_to_ask(settings), settings.qtype, dns::Class::In,
                                      dns::Wants::Plain, dns::PoolId{});
}

void Checks::send(uint32_t backend, base::Time now) {
  Check& check = checks_[backend];
  Session* session =
      backends_[backend].session_with_room(fingerprint_of(check.question).subject, now);
  if (session == nullptr) return backends_[backend].insist();
  session->ask(check.question, {kNoSlot, check.number}, Purpose::Check, now);
  check.sent = true;
}

void Checks::end(uint32_t backend, std::optional<backends::Failure> failed, base::Time now) {
  checks_[backend].running = false;
  changed_(backend, rotation(backend).checked(failed, now));
}

base::Time Checks::next_deadline() {
  base::Time next = base::Time::max();
  for (uint32_t backend = 0; backend < checks_.size(); ++backend) {
    if (!backends_.has(backend)) continue;
    next = std::min(next, rotation(backend).next_look());
    if (checks_[backend].running) next = std::min(next, checks_[backend].deadline);
  }
  return next;
}

}  // namespace sessions
