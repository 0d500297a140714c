#include "apps/bench/rank.h"

#include <fmt/format.h>

#include "apps/device_choice.h"
#include "apps/messages.h"
#include "apps/rank_flags.h"
#include "runtime/comm/connect.h"

namespace dcgan {

int on_rank(const RunOptions& options,
            const std::function<int(const Context&, Communicator&)>& body) {
  const Launch launch = find_launch(environment_variable);
  RunOptions of_rank = options;
  of_rank.device = device_of_rank(options.device, launch);
  share_cores(launch, options.threads);
  apply_threads(options.threads);
  const Context context = open_run_device(of_rank, launch.shard.rank == 0);
  const std::unique_ptr<Communicator> ranks =
      connect_ranks(context, launch, {options.transport, options.comm_timeout, print_warning});
  try {
    const int code = body(context, *ranks);
    ranks->finish();
    return code;
  } catch (const std::exception& error) {
    ranks->abort(fmt::format("rank {} has ended: {}", launch.shard.rank, error.what()));
    throw;
  }
}

}  // namespace dcgan
