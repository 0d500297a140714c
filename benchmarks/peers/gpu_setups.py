"""The set-ups of pytorch_gpu.py: what each is, how it is made ready, how it is timed."""

import dataclasses
import functools
import sys

import common
import figures
import serve
from common import Setup, torch

# "max-autotune-no-cudagraphs" without two of its searches, which take minutes (README.md).
COMPILED = {"compiled": True, "compile_options": (("max_autotune", True),
                                                  ("max_autotune_conv_backends", "ATEN"))}
WHOLE_MODE = {"compiled": True, "compile_mode": "max-autotune-no-cudagraphs"}
TUNED = {"autocast": torch.bfloat16, "frozen": True}
SETUPS = {
    "P0": Setup(shipped=True),
    "P1": Setup(autocast=torch.bfloat16),
    "P1h": Setup(autocast=torch.float16),
    "P2": Setup(**TUNED),
    "P3": Setup(**TUNED, **COMPILED),
    "P4": Setup(**TUNED, captured=True),
    "P5": Setup(**TUNED, **COMPILED, captured=True),
    "P5t": Setup(**TUNED, **WHOLE_MODE, captured=True),
}
NUMBERS = ("f32", "tf32", "bf16")  # of the generator alone
GENERATORS = {
    "eager": Setup(),
    "compiled": Setup(**COMPILED),
    "graph": Setup(captured=True),
    "compiled graph": Setup(**COMPILED, captured=True),
}


def note(text):
    print(f"pytorch_gpu: {text}", file=sys.stderr)


def warm_up(action, options):
    for _ in range(options.warm_up):
        action()


def event_times(action, options):
    """[ms, ...], one a call; None in a rehearsal."""
    warm_up(action, options)
    if options.rehearse:
        action()
        return None
    events = [torch.cuda.Event(enable_timing=True) for _ in range(options.repeats + 1)]
    torch.cuda.synchronize()
    events[0].record()
    for event in events[1:]:
        action()
        event.record()
    torch.cuda.synchronize()
    return [before.elapsed_time(after) for before, after in zip(events, events[1:])]


def capture(action, options, name):
    """`action` as one CUDA graph; returns what replays it."""
    if options.rehearse:
        note(f"{name}: a rehearsal has no CUDA graph, it runs uncaptured")
        return action
    # Everything that allocates or tunes once has to happen before, on the stream of the capture.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(options.warm_up):
            action()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        action()
    return graph.replay


def ready_images(options, setup):
    """Real images on the device, as the step's first convolution takes them."""
    images = torch.randint(0, 256, (options.images, options.channels, options.image_size,
                                    options.image_size), dtype=torch.uint8, device=options.device)
    images = images.float().div_(255).sub_(0.5).div_(0.5)
    if setup.shipped:
        return images
    return images.to(setup.autocast, memory_format=torch.channels_last)


def step_action(step, options, name):
    if not step.setup.captured:
        return step.run
    static = step.batches.take().clone(memory_format=torch.preserve_format)
    replay = capture(lambda: step.learn(static), options, name)

    def action():
        static.copy_(step.batches.take())
        replay()
    return action


def tune_backend():
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 0  # no limit: every algorithm is tried


class Workplace:
    """What several set-ups in one process share: turns on the GPU, networks."""

    def __init__(self, options):
        self.options = options
        self.turn = serve.Turn(options.lock)
        self.networks = {}  # {set-up without capture: (generator, discriminator)}
        self.compiler_waits = bool(options.lock) and self.take_over_searches()

    def take_over_searches(self):
        """The compiler's timings take turns too; false where PyTorch does them otherwise."""
        from torch._inductor.runtime import benchmarking
        kind = type(benchmarking.benchmarker)
        inner = getattr(kind, "benchmark_gpu", None)
        if inner is None:
            return False

        def benchmark_gpu(*arguments, **named):
            with self.turn:
                return inner(*arguments, **named)
        kind.benchmark_gpu = benchmark_gpu
        return True

    def describe(self):
        return {"compiler_times_alone": self.compiler_waits}

    def shared_networks(self, setup):
        key = dataclasses.replace(setup, captured=False)
        if key not in self.networks:
            self.networks[key] = common.make_networks(self.options, setup, self.options.device)
        return self.networks[key]

    def settle(self, action):
        """Does what would otherwise be part of a first timing, while the turn lasts."""
        if self.options.serve:
            warm_up(action, self.options)
        if not self.options.rehearse:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()  # of the searches' workspaces: others need the memory
        return action


def make_step(name, options, workplace):
    setup = SETUPS[name]
    batches = common.Batches(ready_images(options, setup), options.batch, prepare=lambda x: x)
    return common.Step(setup, options, batches, options.device, workplace.shared_networks(setup))


def set_up_step(name, options, workplace):
    """Returns what times the steps and gives their row."""
    with workplace.turn:
        if not SETUPS[name].shipped:
            tune_backend()
        step = make_step(name, options, workplace)
        action = workplace.settle(step_action(step, options, name))
    return lambda: step_row(name, step, action, options)


def step_row(name, step, action, options):
    times = event_times(action, options)
    common.require_finite(name, step.losses)
    dtype = common.DTYPE_NAMES[step.setup.autocast]
    if step.setup.shipped and torch.backends.cudnn.allow_tf32:
        dtype = "tf32"
    row = figures.result("train", name, dtype, options.batch, times)
    if not options.rehearse:
        row["peak_memory_bytes"] = torch.cuda.max_memory_allocated()
    return row


def set_number_type(dtype):
    # f32 means float32 everywhere; tf32 what PyTorch's users get by setting two flags.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    return torch.bfloat16 if dtype == "bf16" else torch.float32


def make_generate(way, dtype, batch, options):
    number = set_number_type(dtype)
    generator = common.make_networks(options, GENERATORS[way], options.device)[0].eval().to(number)
    z = torch.randn(batch, options.nz, 1, 1, device=options.device).to(number)

    def generate():
        with torch.inference_mode():
            generator(z)
    return generate


def set_up_generator(way, dtype, batch, options, workplace):
    """Returns what times the generator and gives its row."""
    name = f"generator {way} {dtype} batch {batch}"
    with workplace.turn:
        tune_backend()
        action = make_generate(way, dtype, batch, options)
        if GENERATORS[way].captured:
            action = capture(action, options, name)
        workplace.settle(action)

    def row():
        set_number_type(dtype)
        return figures.result("generate", way, dtype, batch, event_times(action, options))
    return row


def generator_set_ups(options, workplace):
    """{name: function that sets it up}."""
    return {f"{way} {dtype} {batch}":
            functools.partial(set_up_generator, way, dtype, batch, options, workplace)
            for batch in options.inference_batches for dtype in options.dtypes
            for way in options.ways}


def set_ups(options):
    workplace = Workplace(options)
    listed = {name: functools.partial(set_up_step, name, options, workplace)
              for name in options.variants}
    if not options.no_inference:
        listed |= generator_set_ups(options, workplace)
    return listed, workplace


def time_one_by_one(options):
    return [set_up()() for set_up in set_ups(options)[0].values()]


def how_compiled(options):
    """{name: how}, of those that are asked for."""
    asked = [(name, SETUPS[name]) for name in options.variants]
    if not options.no_inference:
        asked += [(f"generator {way}", GENERATORS[way]) for way in options.ways]
    return {name: ", ".join(f"{key}={value}" for key, value in setup.compile_options) or
            f"mode={setup.compile_mode}" for name, setup in asked if setup.compiled}


def compile_all(options):
    """Runs once whatever is compiled, with cuDNN's first plans: they end with this process."""
    workplace = Workplace(options)
    for name in {dataclasses.replace(SETUPS[name], captured=False): name
                 for name in options.variants if SETUPS[name].compiled}.values():
        make_step(name, options, workplace).run()
    if not options.no_inference and any(GENERATORS[way].compiled for way in options.ways):
        for batch in options.inference_batches:
            for dtype in options.dtypes:
                make_generate("compiled", dtype, batch, options)()
    return 0
