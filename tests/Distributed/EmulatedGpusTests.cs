using System.Diagnostics;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Cuda;
using NUnit.Framework;
using Invocation = LDaeCore.Tests.Runner.CommandLine;

namespace LDaeCore.Tests.Distributed;

/// <summary>
/// Several processes with an emulated GPU each: streams, events, recorded steps and NCCL's interface as on real ones, where the emulator's library sums through
/// shared memory.
/// </summary>
[NonParallelizable]
public sealed class EmulatedGpusTests : FolderPerTest
{
    private const string Streams = "LDAE_EMULATOR_STREAMS";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [SetUp]
    public void SetUp()
    {
        // Builds the library and tells whether it can be built.
        EmulatedBackendTests.Device();
    }

    /// <summary>Late streams do nothing until something waits for them: a gradient that is read without a wait for its sum is wrong.</summary>
    [TestCase(2, "", 1)]
    [TestCase(3, "", 2)]
    [TestCase(2, "late", 1)]
    [TestCase(2, "even", 1)]
    [TestCase(2, "odd", 1)]
    public void Several_gpus_have_the_loss_curve_of_one(int processes, string streams, int accumulate)
    {
        var toys = Toys("train.batch=12", "train.steps=12", $"train.accumulate={accumulate}");
        Assert.That(Invocation.Run(["pretrain", "--out", Folder["alone"], "--json", "--threads", "1", .. toys]).ExitCode, Is.Zero);
        using var run = MpiRun.StartByHand(processes, Folder["run"], (Streams, streams), toys);
        Assert.That(run.Wait(Patience), Is.All.Zero, run.Errors);
        Assert.That(run.Result.GetProperty("device").GetString(), Is.EqualTo("emulated"));
        Assert.That(MpiRun.Losses(Folder["run"]), Is.EqualTo(MpiRun.Losses(Folder["alone"])).Within(1e-5));
    }

    [Test]
    public void A_killed_process_is_named_though_the_other_waits_in_a_sum()
    {
        using var run = MpiRun.StartByHand(2, Folder["run"], Toys("train.steps=1000000", "train.checkpointEvery=5"));
        Assert.That(SpinWait.SpinUntil(() => Directory.Exists(Path.Combine(Folder["run"], "checkpoints", "step-00000005")), Patience), Is.True, run.Errors);
        var start = Stopwatch.GetTimestamp();
        run.Kill(1);
        Assert.That(run.Wait(TimeSpan.FromSeconds(30)), Is.All.Not.Zero);
        TestContext.Out.WriteLine($"ended {Stopwatch.GetElapsedTime(start).TotalSeconds:F2} s after the kill");
        Assert.That(run.Result.GetProperty("error").GetProperty("message").GetString(), Does.Contain("Rank 1 of 2 is gone"));
    }

    [Test]
    public void Sums_and_broadcasts_of_any_length_are_right_and_other_questions_than_the_first_ranks_refused()
    {
        // Values past one slot of the shared memory, and past a whole number of them.
        int[] lengths = [1, 65536, 150_001];
        using var first = Open();
        using var second = Open();
        var found = ThreadGroup.Run(2, group =>
        {
            var backend = group.Rank == 0 ? first : second;
            using var gpus = new NcclCommunicator(group, backend);
            var all = new List<float[]>();
            foreach (var length in lengths)
            {
                using var tensor = new PersistentTensor(backend, new Shape(length), DType.F32);
                tensor.Tensor.Write(backend, [.. Enumerable.Range(0, length).Select(i => (float)(i + (group.Rank * 1000)))]);
                gpus.BeginSum(tensor.Tensor);
                gpus.FinishSums();
                all.Add(tensor.Tensor.ReadFloats(backend));
                tensor.Tensor.Write(backend, [.. Enumerable.Range(0, length).Select(i => (float)(i + (group.Rank * 1000)))]);
                gpus.Broadcast(tensor.Tensor);
                all.Add(tensor.Tensor.ReadFloats(backend));
            }

            using var unequal = new PersistentTensor(backend, new Shape(10 + group.Rank), DType.F32);
            var error = Assert.Throws<LdaeException>(() => gpus.BeginSum(unequal.Tensor))!;
            Assert.That(error.Message, Does.Contain($"ncclAllReduce({10 + group.Rank} float32, sum"));
            return all;
        });
        foreach (var rank in found)
        {
            foreach (var (i, length) in lengths.Index())
            {
                Assert.That(rank[2 * i], Is.EqualTo(Enumerable.Range(0, length).Select(n => (2f * n) + 1000)), "sum");
                Assert.That(rank[(2 * i) + 1], Is.EqualTo(Enumerable.Range(0, length).Select(n => (float)n)), "rank 0's");
            }
        }
    }

    private static CudaBackend Open() => new(EmulatedBackendTests.Device(), new CudaOptions { ActivationType = DType.F32 });

    private static string[] Toys(params string[] settings) => [.. MpiRun.Toys(settings).Select(word => word == "cpu" ? "emulated" : word)];
}
