#include "tls-workers/frontend/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace frontend {
namespace {

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

/// What a client sends after we have said that we are done is read, to be thrown away, no more than
/// so often in a turn.
constexpr int kDiscards = 4;

}  // namespace

void Channel::open(int fd, std::shared_ptr<const server_tls::ServerContext> tls) {
  close();
  fd_ = fd;
  tls_ = std::move(tls);
  if (tls_ != nullptr) stream_.accept(fd);
}

void Channel::close() {
  if (tls_ != nullptr) {
    stream_.close();
  } else if (fd_ >= 0) {
    ::close(fd_);
  }
  tls_.reset();
  fd_ = -1;
  readable_ = false;
}

Channel::Shaken Channel::shake_hands() {
  const backends::Step step = stream_.answer_handshake(tls_->get());
  if (!step) return stream_.offers_http_1_alone() ? Shaken::Http1 : Shaken::Failed;
  if (*step == backends::Progress::Wait) return Shaken::Wait;
  return stream_.resumed() ? Shaken::Resumed : Shaken::Full;
}

void Channel::readable() {
  readable_ = true;
  if (tls_ != nullptr) stream_.readable();
}

Channel::Read Channel::read(base::ByteSpan into) {
  if (tls_ != nullptr) {
    const base::Result<size_t, backends::Fault> size = stream_.read(into);
    if (!size) return {size.error().kind == backends::Failure::Eof ? Got::End : Got::Lost};
    return {*size > 0 ? Got::Some : Got::Nothing, *size};
  }
  if (!readable_) return {Got::Nothing};
  ssize_t size = 0;
  do {
    size = recv(fd_, into.data(), into.size(), 0);
  } while (size < 0 && errno == EINTR);
  // A read that did not fill the room has emptied the socket.
  readable_ = size == static_cast<ssize_t>(into.size());
  if (size > 0) return {Got::Some, static_cast<size_t>(size)};
  if (size == 0) return {Got::End};
  return {would_block() ? Got::Nothing : Got::Lost};
}

Channel::Sent Channel::send(Carrier& carrier) {
  return tls_ != nullptr ? send_through_tls(carrier) : send_plainly(carrier);
}

Channel::Sent Channel::send_plainly(Carrier& carrier) {
  for (;;) {
    const base::ByteView unsent = carrier.unsent();
    if (unsent.empty()) return Sent::All;
    const ssize_t size = ::send(fd_, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (size > 0) {
      carrier.sent(static_cast<size_t>(size));
    } else if (would_block() || errno == ENOBUFS) {
      return Sent::Some;
    } else if (errno != EINTR) {
      return Sent::Lost;
    }
  }
}

Channel::Sent Channel::send_through_tls(Carrier& carrier) {
  for (;;) {
    stream_.flush();
    // A socket that is gone shows at the next read.
    if (stream_.has_unsent()) return Sent::Some;
    // What the carrier gives at a time is a record of its own, and all of them leave at once.
    base::ByteView unsent = carrier.unsent();
    if (unsent.empty()) return Sent::All;
    size_t taken_in_all = 0;
    while (!unsent.empty()) {
      const size_t taken = stream_.write(unsent);
      if (taken == 0) break;
      carrier.sent(taken);
      taken_in_all += taken;
      unsent = carrier.unsent();
    }
    if (taken_in_all == 0) return Sent::Lost;
  }
}

void Channel::finish() {
  if (tls_ != nullptr) stream_.say_goodbye();
  (void)shutdown(fd_, SHUT_WR);
}

bool Channel::has_ended() {
  for (int i = 0; i < kDiscards; ++i) {
    std::array<std::byte, 16384> ignored;
    const ssize_t size = recv(fd_, ignored.data(), ignored.size(), 0);
    if (size == 0) return true;
    if (size < 0) return !would_block() && errno != EINTR;
  }
  return false;
}

}  // namespace frontend
