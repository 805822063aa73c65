using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Cuda;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Distributed;

/// <summary>The shared step on the emulated device, with a library in NCCL's place that counts what it is asked and sums nothing: a group of one.</summary>
public sealed class DeviceStepTests
{
    private const int Steps = 5;

    [TestCase(true)]
    [TestCase(false)]
    public void Sums_over_gpus_are_a_part_of_the_recorded_step(bool replay)
    {
        using var folder = new TemporaryFolder();
        FakeLibrary.Place(folder.Path, LibraryKind.Nccl.FileNames[0]);
        var search = new LibrarySearch(name => name == "LDAE_CUDA_PATH" ? folder.Path : null, folder.Path, useLoader: false);
        using var backend = Open(replay);
        var (alone, elements) = Train(backend, SingleProcess.Instance);
        var library = search.Find(LibraryKind.Nccl).Require();
        using var group = new NcclCommunicator(SingleProcess.Instance, backend, new Nccl(library));
        var before = FakeLibrary.Summed(library);
        Assert.That(Train(backend, group).Losses, Is.EqualTo(alone));
        var summed = FakeLibrary.Summed(library);

        // Final layer, two blocks, the rest; in every direct step, or once directly and once recorded. Every element once a step.
        var asked = replay ? 2 : Steps;
        Assert.That(summed.Sums - before.Sums, Is.EqualTo(4 * asked));
        Assert.That(summed.Values - before.Values, Is.EqualTo(elements * asked));
    }

    [Test]
    public void The_parts_of_resident_images_are_those_of_one_process()
    {
        var recipe = Toy.Recipe("train.accumulate=2", "data.crop=random", "data.flip=true");
        var source = Toy.Images();
        using var backend = Open(replay: false);
        var augmentation = new Augmentation(8, RandomCrop: true, 0.2, Flip: true);
        (byte[] Pixels, int[] Labels) Batch(BatchPart? part)
        {
            using var images = new ResidentImages(backend, source, [.. Enumerable.Range(0, source.Count)], augmentation, recipe.Train, 1, part);
            images.Begin(3);
            var pixels = new List<byte>();
            for (var micro = 0; micro < recipe.Train.Accumulate; micro++)
            {
                var tensor = images.MicroBatch(micro);
                var bytes = new byte[tensor.Bytes];
                backend.Download<byte>(tensor, bytes);
                pixels.AddRange(bytes);
            }

            return ([.. pixels], [.. images.Labels]);
        }

        var whole = Batch(null);
        var parts = Enumerable.Range(0, 2).Select(rank => Batch(BatchPart.Of(recipe.Train.Batch, rank, 2))).ToArray();
        Assert.That(parts.SelectMany(part => part.Pixels), Is.EqualTo(whole.Pixels));
        Assert.That(parts.SelectMany(part => part.Labels), Is.EqualTo(whole.Labels));
    }

    private static CudaBackend Open(bool replay) =>
        new(EmulatedBackendTests.Device(), new CudaOptions { ActivationType = DType.F32, Replay = replay, Warn = message => TestContext.Out.WriteLine(message) });

    private static (double[] Losses, long Elements) Train(CudaBackend backend, ICommunicator group)
    {
        using var folder = new TemporaryFolder();
        var losses = new List<double>();
        var elements = 0L;
        new Pretraining(Toy.Options(Toy.Recipe($"train.steps={Steps}", "train.checkpointEvery=0", "network.gateInit=random"), backend, folder.Path) with
        {
            Group = group,
            OnStep = (_, _, step, _, _) => losses.Add(step.Loss),
            Hooks =
            [
                new RunPictures((method, _) =>
                {
                    elements = method.Phases[0].Parameters.FlatCount;
                    return [];
                }),
            ],
        }).Run();
        return ([.. losses], elements);
    }
}
