// What ranks tell each other beside their collectives.
#pragma once

#include <string>
#include <string_view>

namespace dcgan {

class PeerChannel {
 public:
  virtual ~PeerChannel() = default;

  /// Between the two it may call its owner from a thread of its own.
  virtual void start() = 0;
  virtual void stop() noexcept = 0;

  /// Tells the other ranks that this one has aborted, and why. Does not wait.
  virtual void tell(std::string_view reason) noexcept = 0;
  /// Ranks that are behind this one or silent: "rank 3 is at #16, silent for 12 s". Empty: none
  /// known.
  virtual std::string late() const = 0;
  /// This rank is done; waits until the others are, too, or a time limit.
  virtual void goodbye() = 0;
};

}  // namespace dcgan
