using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Kernels that are compiled before they are needed, many at a time.</summary>
public sealed class PreparationTests : FolderPerTest
{
    [Test]
    public void A_prepared_step_finds_all_its_kernels_and_computes_the_same_bits()
    {
        var recipe = Toy.Recipe("network.gateInit=random", "train.steps=2", "train.accumulate=2");
        using var prepared = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        using (var step = new WarmupStep(MethodCatalog.Of(recipe), prepared, recipe))
        {
            step.Prepare();
        }

        var loaded = prepared.LoadedKernels;
        var (model, optimizer) = Toy.Train(recipe, prepared, Folder["prepared"]);
        using var other = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        var expected = Toy.Train(recipe, other, Folder["other"]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(loaded, Is.GreaterThan(5));
            Assert.That(prepared.LoadedKernels, Is.EqualTo(loaded + 1), "what cuts the images is not part of a step without data");
            Assert.That(model, Is.EqualTo(expected.Model));
            Assert.That(optimizer, Is.EqualTo(expected.Optimizer));
        }
    }

    [Test]
    public void Nothing_is_computed_while_work_is_prepared()
    {
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        using var x = new PersistentTensor(backend, new Shape(8, 8), DType.F32);
        using var y = new PersistentTensor(backend, new Shape(8, 8), DType.F32);
        x.Tensor.Write(backend, Enumerable.Repeat(2.0, 64).ToArray());

        // The kernel is loaded already: it must stay quiet all the same.
        backend.Silu(x.Tensor, y.Tensor);
        backend.Fill(y.Tensor, 5);
        backend.Prepare(() =>
        {
            backend.Silu(x.Tensor, y.Tensor);
            backend.Copy(x.Tensor, y.Tensor);
            backend.Fill(y.Tensor, 7);
            backend.MatMul(new LDaeCore.Engine.Backends.MatMulArgs(x.Tensor, false, x.Tensor, false, y.Tensor));
        });
        Assert.That(y.Tensor.ReadDoubles(backend), Has.All.EqualTo(5));
        backend.Copy(x.Tensor, y.Tensor);
        Assert.That(y.Tensor.ReadDoubles(backend), Has.All.EqualTo(2), "afterwards work is done again");
    }

    [Test]
    public void Preparing_compiles_into_the_cache_and_warns_once_from_the_thread_that_asked()
    {
        var thread = Environment.CurrentManagedThreadId;
        var warnings = new List<(string Text, int Thread)>();
        var cache = Folder["cache"];
        var options = new CudaOptions { ActivationType = DType.F32, CacheFolder = cache, Warn = text => warnings.Add((text, Environment.CurrentManagedThreadId)) };
        Assert.That(Silu(options), Is.EqualTo(1));
        Assert.That(warnings, Is.Empty);
        var file = Directory.GetFiles(Path.Combine(cache, CudaBackend.CubinFolder)).Single();
        File.WriteAllText(file, "cut short");
        Assert.That(Silu(options), Is.EqualTo(1));
        Assert.That(warnings, Has.Count.EqualTo(1));
        Assert.That(warnings[0].Text, Does.Contain("damaged"));
        Assert.That(warnings[0].Thread, Is.EqualTo(thread));
        Assert.That(Silu(options), Is.Zero);
    }

    [Test]
    public void Work_that_fails_while_it_is_prepared_leaves_the_backend_usable()
    {
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        Assert.Throws<LdaeException>(() => backend.Prepare(() => throw new LdaeException(ErrorKind.Run, "no", "none")));
        using var x = new PersistentTensor(backend, new Shape(4), DType.F32);
        backend.Fill(x.Tensor, 3);
        Assert.That(x.Tensor.ReadDoubles(backend), Has.All.EqualTo(3));
    }

    [Test]
    public void The_specialisations_of_the_compiler_gate_can_be_compiled_at_once() =>
        Assert.That(CudaCases.CompileAll(EmulatedBackendTests.Device(), KernelSpecialisations.All.Where(one => one.Family is "gelu" or "timestep")), Is.EqualTo(4));

    /// <summary>Families compiled for one kernel.</summary>
    private static int Silu(CudaOptions options)
    {
        using var backend = new CudaBackend(EmulatedBackendTests.Device(), options);
        using var x = new PersistentTensor(backend, new Shape(8), DType.F32);
        backend.Prepare(() => backend.Silu(x.Tensor, x.Tensor));
        return backend.Compilations;
    }
}
