using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Tests.Engine.Ops;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>The primitive that makes a value that is not a number is named, and nothing that a primitive writes escapes the look.</summary>
public sealed class AnomalyBackendTests
{
    [Test]
    public void The_primitive_that_errs_is_named_with_pass_and_place()
    {
        using var folder = new TemporaryFolder();
        using var cpu = new CpuBackend(2);
        using var erring = new ErringBackend(cpu, call: 5);
        using var anomalies = new AnomalyBackend(erring);
        var error = Assert.Throws<LdaeException>(() => new Pretraining(Toy.Options(Toy.Recipe(), anomalies, folder.Path)).Run())!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Run));
        Assert.That(error.Message, Does.StartWith("AttentionBackward in step, backward (its call 1 there)"), "two blocks: the fifth call is the first of the third step");
        Assert.That(error.Message, Does.Contain("NaN at [1, 3] of F32[32, 48]").And.Contain("1 of 1,536 values"));
        Assert.That(error.Remedy, Does.Contain("checkpoint of step 2 is kept").And.Contain("train.lr"));
    }

    [Test]
    public void Without_an_anomaly_a_run_ends_in_the_same_bits()
    {
        using var folder = new TemporaryFolder();
        using var cpu = new CpuBackend(2);
        using var anomalies = new AnomalyBackend(cpu);
        string[] folders = [Path.Combine(folder.Path, "plain"), Path.Combine(folder.Path, "looked at")];
        foreach (var one in folders)
        {
            Directory.CreateDirectory(one);
        }

        var plain = Toy.Train(Toy.Recipe(), cpu, folders[0]);
        Assert.That(Toy.Train(Toy.Recipe(), anomalies, folders[1]).Optimizer, Is.EqualTo(plain.Optimizer));
    }

    [Test]
    public void Values_that_come_from_the_host_are_looked_at_too()
    {
        using var cpu = new CpuBackend(1);
        using var anomalies = new AnomalyBackend(cpu);
        using var tensor = new PersistentTensor(anomalies, new Shape(2, 3), DType.F32);
        var error = Assert.Throws<LdaeException>(() => tensor.Tensor.Write(anomalies, [0, 1, 2, 3, double.PositiveInfinity, 5]))!;
        Assert.That(error.Message, Does.StartWith("Upload").And.Contain("at [1, 1]"));
        Assert.That(error.Remedy, Does.Contain("host"));
    }

    /// <summary>Whatever changes in memory during a primitive lies in the results that it declares, over every case of every op.</summary>
    [Test]
    public void Every_primitive_declares_all_that_it_writes()
    {
        using var reference = new ReferenceBackend();
        using var keeping = new KeepingBackend(reference);
        using var backend = new WriteWatch(keeping);
        foreach (var opCase in OpCatalog.All.Where(c => !c.TimingOnly))
        {
            keeping.Storages.Clear();
            backend.Current = opCase.ToString();
            using var run = new CaseRun(opCase, backend, CaseRun.Draw(opCase, 1));
            if (opCase.Differentiable)
            {
                run.Gradients();
            }
        }

        Assert.That(backend.Seen, Has.Count.GreaterThan(30), "primitives that wrote");
        Assert.That(backend.Undeclared, Is.Empty);
    }

    private sealed class ErringBackend(IBackend inner, int call) : CountingBackend(inner)
    {
        private int _calls;

        public override void Run<T>(in PrimitiveCall primitive, T arguments, Action<IKernels, T> kernel)
        {
            base.Run(primitive, arguments, kernel);
            if (primitive.Name == nameof(IKernels.AttentionBackward) && ++_calls == call)
            {
                var dQkv = primitive.Results[0]!;
                base.Upload([float.NaN], dQkv.Reshape((int)dQkv.Shape.Count).Slice(dQkv.Shape.Columns + 3, 1));
            }
        }
    }

    private sealed class KeepingBackend(IBackend inner) : CountingBackend(inner)
    {
        public List<Storage> Storages { get; } = [];

        /// <summary>Memory handed out since the last look, perhaps again.</summary>
        public HashSet<nint> Fresh { get; } = [];

        public override unsafe Storage Allocate(long bytes)
        {
            var storage = base.Allocate(bytes);
            new Span<byte>((void*)storage.Address, checked((int)bytes)).Clear();
            Storages.Add(storage);
            Fresh.Add(storage.Address);
            return storage;
        }
    }

    private sealed unsafe class WriteWatch(KeepingBackend inner) : ObservedBackend(inner)
    {
        private readonly Dictionary<nint, byte[]> _before = [];

        public string Current { get; set; } = "";

        public HashSet<string> Seen { get; } = [];

        public HashSet<string> Undeclared { get; } = [];

        protected override void After(string primitive, long start, params ReadOnlySpan<Tensor?> results)
        {
            foreach (var address in inner.Fresh)
            {
                _before.Remove(address);
            }

            inner.Fresh.Clear();
            foreach (var storage in inner.Storages.Where(s => s.Address != 0))
            {
                var now = new ReadOnlySpan<byte>((void*)storage.Address, (int)storage.Bytes);
                var before = _before.TryGetValue(storage.Address, out var kept) && kept.Length == now.Length ? kept : new byte[now.Length];
                for (var i = 0; i < now.Length; i++)
                {
                    if (now[i] != before[i])
                    {
                        Seen.Add(primitive);
                        if (!Declared(results, storage.Address + i))
                        {
                            Undeclared.Add($"{primitive} in {Current}");
                            break;
                        }
                    }
                }

                _before[storage.Address] = now.ToArray();
            }
        }

        private static bool Declared(ReadOnlySpan<Tensor?> results, nint address)
        {
            foreach (var result in results)
            {
                if (result is not null && address >= result.Address && address < result.Address + result.Bytes)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
