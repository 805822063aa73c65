using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>NCCL itself, with the only GPU in a group of one: its sums change nothing, alone or in a recorded step.</summary>
public sealed class GpuNcclTests
{
    [Test]
    public void A_group_of_one_trains_as_if_it_were_none()
    {
        using var backend = Open();
        using var group = new NcclCommunicator(SingleProcess.Instance, backend);
        using var tensor = new PersistentTensor(backend, new Shape(1000), DType.F32);
        var values = Enumerable.Range(0, 1000).Select(i => (float)Math.Sin(i)).ToArray();
        tensor.Tensor.Write(backend, values.AsSpan());
        group.Broadcast(tensor.Tensor);
        group.BeginSum(tensor.Tensor);
        group.FinishSums();
        Assert.That(tensor.Tensor.ReadFloats(backend), Is.EqualTo(values));
        Assert.That(Losses(backend, group), Is.EqualTo(Losses(backend, SingleProcess.Instance)));
    }

    private static CudaBackend Open()
    {
        try
        {
            var backend = new CudaBackend(CudaDevice.Open(DeviceKind.Cuda), new CudaOptions { ActivationType = DType.F32, Warn = message => TestContext.Out.WriteLine(message) });
            if (LibrarySearch.OfThisProcess.Find(LibraryKind.Nccl) is { Library: null } missing)
            {
                backend.Dispose();
                Requirement.Missing("nccl", string.Join("; ", missing.Tried));
            }

            return backend;
        }
        catch (LdaeException e)
        {
            Requirement.Missing(Requirement.Cuda, e.Message);
            throw;
        }
    }

    private static double[] Losses(CudaBackend backend, ICommunicator group)
    {
        using var folder = new TemporaryFolder();
        var losses = new List<double>();
        new Pretraining(Toy.Options(Toy.Recipe("train.checkpointEvery=0", "network.gateInit=random"), backend, folder.Path) with
        {
            Group = group,
            OnStep = (_, _, step, _, _) => losses.Add(step.Loss),
        }).Run();
        return [.. losses];
    }
}
