#include "perf/responder/connection.h"

#include <openssl/err.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "perf/responder/answers.h"

namespace responder {
namespace {

constexpr size_t kRecord = 16384;
constexpr size_t kIncoming = size_t{2} + 65535 + kRecord;

}  // namespace

Connection::Connection(int socket, SSL_CTX* context, const Behaviour& behaviour,
                       Statistics& statistics)
    : socket_(socket),
      ssl_(SSL_new(context)),
      behaviour_(behaviour),
      statistics_(statistics),
      random_(std::random_device()()),
      incoming_(kIncoming) {
  SSL_set_fd(ssl_.get(), socket_);
  SSL_set_accept_state(ssl_.get());
}

Connection::~Connection() {
  ERR_clear_error();
  if (closing_) (void)SSL_shutdown(ssl_.get());
  close(socket_);
}

bool Connection::advance(Time now) {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()) == 0) {
    const int done = SSL_do_handshake(ssl_.get());
    if (done != 1) return SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ;
    ++(SSL_session_reused(ssl_.get()) == 1 ? statistics_.resumed : statistics_.handshakes);
  }
  if (!read(now)) return false;
  while (!held_back_.empty() && held_back_.front().due <= now) {
    const std::vector<std::byte>& answers = held_back_.front().answers;
    outgoing_.insert(outgoing_.end(), answers.begin(), answers.end());
    held_back_.pop_front();
  }
  if (!send()) return false;
  return !closing_ || unsent() > 0 || !held_back_.empty();
}

/// Until there is no more: what OpenSSL has read ahead, epoll says nothing of.
bool Connection::read(Time now) {
  for (;;) {
    const int size =
        SSL_read(ssl_.get(), &incoming_[end_], static_cast<int>(incoming_.size() - end_));
    if (size <= 0) {
      finish_batch(now);
      return SSL_get_error(ssl_.get(), size) == SSL_ERROR_WANT_READ;
    }
    ++statistics_.reads;
    end_ += static_cast<size_t>(size);
    take_queries();
    if (batch_.size() < kRecord) continue;
    finish_batch(now);
    if (!send()) return false;
  }
}

void Connection::take_queries() {
  while (end_ - begin_ >= 2) {
    const size_t size = base::load_be16(&incoming_[begin_]);
    if (end_ - begin_ < 2 + size) break;
    answer(base::ByteView(incoming_).subspan(begin_ + 2, size));
    begin_ += 2 + size;
  }
  std::memmove(incoming_.data(), &incoming_[begin_], end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
}

void Connection::answer(base::ByteView query) {
  if (closing_) return;
  ++statistics_.queries;
  if (behaviour_.silent) return;
  const size_t start = batch_.size();
  if (!append_answer(query, batch_)) {
    ++statistics_.malformed;
    return;
  }
  ++statistics_.answers;
  answer_starts_.push_back(start);
  if (behaviour_.close_every != 0 && random_() % behaviour_.close_every == 0) {
    closing_ = true;
    ++statistics_.closed;
  }
}

void Connection::finish_batch(Time now) {
  if (batch_.empty()) return;
  if (behaviour_.shuffle) shuffle();
  if (behaviour_.delay.count() > 0) {
    held_back_.push_back({now + behaviour_.delay, batch_});
  } else {
    outgoing_.insert(outgoing_.end(), batch_.begin(), batch_.end());
  }
  batch_.clear();
  answer_starts_.clear();
}

void Connection::shuffle() {
  std::vector<size_t> order(answer_starts_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::shuffle(order, random_);
  answer_starts_.push_back(batch_.size());
  std::vector<std::byte> shuffled;
  for (const size_t number : order) {
    shuffled.insert(shuffled.end(), batch_.begin() + static_cast<ptrdiff_t>(answer_starts_[number]),
                    batch_.begin() + static_cast<ptrdiff_t>(answer_starts_[number + 1]));
  }
  batch_.swap(shuffled);
}

/// A record a call; what the socket does not take waits for it to become writable.
bool Connection::send() {
  while (unsent() > 0) {
    ERR_clear_error();
    const int size =
        SSL_write(ssl_.get(), &outgoing_[sent_], static_cast<int>(std::min(unsent(), kRecord)));
    if (size <= 0) return SSL_get_error(ssl_.get(), size) == SSL_ERROR_WANT_WRITE;
    ++statistics_.writes;
    sent_ += static_cast<size_t>(size);
  }
  outgoing_.clear();
  sent_ = 0;
  return true;
}

std::optional<Time> Connection::due() const {
  return held_back_.empty() ? std::nullopt : std::optional(held_back_.front().due);
}

}  // namespace responder
