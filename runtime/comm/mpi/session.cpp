#include <algorithm>

#include "runtime/comm/mpi/check.h"
#include "runtime/comm/mpi/mpi_communicator.h"
#include "runtime/comm/mpi/process.h"
#include "runtime/comm/mpi/waiting.h"

namespace dcgan {
namespace {

Shard shard_of_world() {
  Shard shard;
  MPI_TRY(MPI_Comm_rank(MPI_COMM_WORLD, &shard.rank));
  MPI_TRY(MPI_Comm_size(MPI_COMM_WORLD, &shard.world_size));
  return shard;
}

// The host program has begun MPI: may this thread call it?
void require_calls_from_here() {
  int level = MPI_THREAD_SINGLE;
  int is_main = 0;
  MPI_TRY(MPI_Query_thread(&level));
  MPI_TRY(MPI_Is_thread_main(&is_main));
  if (level >= MPI_THREAD_SERIALIZED || is_main != 0) return;
  fail(ErrorKind::unavailable,
       "MPI: this program's MPI_Init allows calls from its main thread only; it needs "
       "MPI_Init_thread with MPI_THREAD_SERIALIZED");
}

}  // namespace

MpiSession::MpiSession(const Launch& launch, double timeout_seconds, Note note)
    : timeout_seconds_(timeout_seconds), note_(std::move(note)) {
  int begun = 0;
  int ended = 0;
  MPI_TRY(MPI_Initialized(&begun));
  MPI_TRY(MPI_Finalized(&ended));
  if (ended != 0) fail(ErrorKind::unavailable, "MPI has ended in this process: it begins once");
  if (begun != 0) {
    require_calls_from_here();
  } else if (launch.has_mpi) {
    process_ = std::make_unique<mpi::Process>(timeout_seconds);
  } else {
    fail(ErrorKind::config, "MPI: {} has not started this process for MPI; use mpirun or srun",
         launch.source);
  }
  shard_ = shard_of_world();
  if (shard_ == launch.shard) return;
  fail(ErrorKind::config, "{} says rank {} of {}, MPI says rank {} of {}", launch.source,
       launch.shard.rank, launch.shard.world_size, shard_.rank, shard_.world_size);
}

MpiSession::~MpiSession() {
  if (process_ == nullptr) return;
  const char* why = "not all ranks have finished";
  if (all_finished_) {
    if (process_->finalize(timeout_seconds_)) return;
    why = "it does not return";
  }
  try {
    if (note_) note_(fmt::format("rank {} leaves MPI without MPI_Finalize: {}", shard_.rank, why));
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): a destructor; it was a note
  }
}

std::string MpiSession::broadcast(const std::string& text) {
  if (shard_.rank == 0) {
    DCGAN_CHECK(text.size() <= kLongestText, "MPI: a text of {} bytes, at most {} are sent",
                text.size(), kLongestText);
    std::fill(std::copy(text.begin(), text.end(), text_.begin()), text_.end(), '\0');
  }
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_TRY(MPI_Ibcast(text_.data(), static_cast<int>(text_.size()), MPI_CHAR, 0, MPI_COMM_WORLD,
                     &request));
  mpi::wait_for(request, timeout_seconds_, [] { return false; });
  return text_.data();
}

}  // namespace dcgan
