#include "runtime/comm/mpi/mpi_communicator.h"

#include <limits>

#include "runtime/comm/mpi/check.h"
#include "runtime/comm/mpi/reductions.h"
#include "runtime/comm/mpi/waiting.h"

namespace dcgan {
namespace {

using mpi::type_of;

int count_of(ConstTensorView values) {
  constexpr int kMost = std::numeric_limits<int>::max();
  DCGAN_CHECK(values.elements() <= kMost, "MPI: {} elements are more than one call takes, {}",
              values.elements(), kMost);
  return static_cast<int>(values.elements());
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(std::shared_ptr<MpiSession> session, double timeout_seconds)
      : Communicator(session->shard()),
        session_(std::move(session)),
        timeout_seconds_(timeout_seconds) {
    session_->set_all_finished(false);
    // A space of messages of its own: the host program's never meet ours.
    wait_for([&](MPI_Request* request) {
      return MPI_Comm_idup(MPI_COMM_WORLD, &communicator_, request);
    });
    MPI_TRY(MPI_Comm_set_errhandler(communicator_, MPI_ERRORS_RETURN));
  }

  ~MpiCommunicator() override { detach(); }

  std::string describe() const override { return mpi_library(); }

 private:
  void do_all_reduce(const Context&, TensorView values, ReduceOp op) override {
    wait_for([&](MPI_Request* request) {
      return MPI_Iallreduce(MPI_IN_PLACE, values.data, count_of(values), type_of(values.dtype),
                            reductions_.of(op, values.dtype), communicator_, request);
    });
  }

  void do_broadcast(const Context&, TensorView values, int root) override {
    wait_for([&](MPI_Request* request) {
      return MPI_Ibcast(values.data, count_of(values), type_of(values.dtype), root, communicator_,
                        request);
    });
  }

  void do_all_gather(const Context&, ConstTensorView from, TensorView to) override {
    const std::byte* own =
        static_cast<const std::byte*>(to.data) + static_cast<std::size_t>(rank()) * from.bytes();
    const MPI_Datatype type = type_of(from.dtype);
    wait_for([&](MPI_Request* request) {
      return MPI_Iallgather(from.data == own ? MPI_IN_PLACE : from.data, count_of(from), type,
                            to.data, count_of(from), type, communicator_, request);
    });
  }

  void do_barrier() override {
    wait_for([&](MPI_Request* request) { return MPI_Ibarrier(communicator_, request); });
  }

  void do_finish() override {
    if (communicator_ == MPI_COMM_NULL) return;
    try {
      do_barrier();
      reductions_.release();
      MPI_TRY(MPI_Comm_free(&communicator_));
    } catch (const Error& error) {
      abort(error.what());
      fail(error.kind(), "finish: rank {} of {}: {}", rank(), size(), error.what());
    }
    session_->set_all_finished(true);
  }

  void do_abort() noexcept override { session_->set_all_finished(false); }  // waits look for it

  // begin(&request) starts a nonblocking call and returns MPI's code.
  template <class Begin>
  void wait_for(const Begin& begin) {
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_TRY(begin(&request));
    mpi::wait_for(request, timeout_seconds_, [this] { return aborted(); });
  }

  std::shared_ptr<MpiSession> session_;
  double timeout_seconds_;
  mpi::Reductions reductions_;
  MPI_Comm communicator_ = MPI_COMM_NULL;
};

}  // namespace

std::unique_ptr<Communicator> connect_mpi(std::shared_ptr<MpiSession> session,
                                          const Context& context, double timeout_seconds) {
  if (context.is_cuda()) {
    fail(ErrorKind::config, "MPI connects CPU ranks; ranks on GPUs use NCCL");
  }
  return std::make_unique<MpiCommunicator>(std::move(session), timeout_seconds);
}

}  // namespace dcgan
