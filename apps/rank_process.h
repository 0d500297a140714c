// One process among those that start_ranks() starts: its environment, its output, its end.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace dcgan {

/// What all ranks of one start have in common.
struct RankStart {
  int count = 1;
  int port = 0;
  int listening_descriptor = -1;  ///< for rank 0, on `port` of the loopback address
  std::string run_id;
};

/// A pipe's lines, each written whole with a prefix.
class LineForwarder {
 public:
  LineForwarder(int descriptor, std::string prefix, std::FILE* to)
      : descriptor_(descriptor), prefix_(std::move(prefix)), to_(to) {}

  /// -1 when the writer has closed its end.
  int descriptor() const { return descriptor_; }
  /// Reads what is there; the writer's end closes the pipe.
  void read_some();

 private:
  void write_lines();

  int descriptor_;
  std::string prefix_;
  std::FILE* to_;
  std::string pending_;
};

class RankProcess {
 public:
  /// Starts it. Throws Error(io).
  RankProcess(int rank, const RankStart& start);

  int rank() const { return rank_; }
  pid_t pid() const { return pid_; }
  /// As a shell reports it; nothing while it runs.
  std::optional<int> exit_code() const { return exit_code_; }
  bool runs() const { return !exit_code_; }
  void ended(int status);
  void signal(int number) const;
  std::vector<LineForwarder>& outputs() { return outputs_; }

 private:
  int rank_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  std::vector<LineForwarder> outputs_;
};

}  // namespace dcgan
