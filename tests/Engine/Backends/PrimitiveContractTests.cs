using System.Reflection;
using System.Runtime.CompilerServices;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Engine.Ops;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Backends;

/// <summary>
/// Every primitive refuses every tensor of another type or of another size before a device sees it, and names primitive and argument. The calls that the op
/// cases make are repeated with one tensor changed.
/// </summary>
public sealed class PrimitiveContractTests
{
    // What a backward pass is given with its forward's arguments and does not read.
    private static readonly string[] Unread =
    [
        "LayerNormBackward Y", "ConvolutionInputGradient Bias", "ConvolutionInputGradient Residual", "ConvolutionWeightGradient Bias", "ConvolutionWeightGradient Residual",
        "GroupNormBackward Y", "GaussianLatentBackward Latents", "GaussianLatentBackward Divergence",
    ];

    // Copy's types are those of a pair; the last test has them.
    private static readonly string[] AnyType = [.. Unread, "Fill tensor", "Copy from", "Copy to"];
    private static readonly string[] AnySize = [.. Unread, "Fill tensor", "Scale tensor", "Scale factor", "GlobalNorm x"];

    private static readonly Lazy<List<(string Primitive, object Arguments)>> Calls = new(Capture);

    public static IEnumerable<string> Primitives => typeof(IKernels).GetMethods().Select(method => method.Name).Distinct();

    [TestCaseSource(nameof(Primitives))]
    public void A_tensor_of_another_type_is_refused_by_name(string primitive) => Change(primitive, AnyType, (argument, message, tensor) =>
        Assert.That(message, Does.StartWith($"{primitive}: {argument} {tensor.DType}")),
        tensor => new Tensor(tensor.Shape, tensor.DType == DType.I32 ? DType.U8 : DType.I32, tensor.Address));

    [TestCaseSource(nameof(Primitives))]
    public void A_tensor_of_another_size_is_refused(string primitive) => Change(primitive, AnySize, (_, message, _) =>
        Assert.That(message, Does.StartWith($"{primitive}: ")),
        tensor => new Tensor(Larger(tensor.Shape), tensor.DType, tensor.Address));

    [Test]
    public void Results_of_the_parameter_type_are_not_activations()
    {
        using var device = new PlanBackend(DType.BF16, DType.F32);
        var (x, narrow, wide) = (new Tensor(new Shape(4, 8), DType.BF16, 64), new Tensor(new Shape(8), DType.BF16, 64), new Tensor(new Shape(8), DType.F32, 64));
        device.SumRows(x, wide, accumulate: false);
        Assert.That(() => device.SumRows(x, narrow, accumulate: false), Throws.ArgumentException
            .With.Message.EqualTo("SumRows: result BF16[8] is not F32 of 8 elements. (Parameter 'result')"));
        Assert.That(() => device.Add(x, wide, accumulate: false), Throws.ArgumentException.With.Message.StartsWith("Add: result F32[8] is not BF16 of 32 elements."));
        Assert.That(() => device.Copy(x, wide), Throws.ArgumentException);
        device.Copy(wide, narrow);
    }

    private static Shape Larger(Shape shape)
    {
        var sizes = Enumerable.Range(0, shape.Rank).Select(axis => shape[axis]).ToArray();
        sizes[^1] += 1;
        return new Shape(sizes);
    }

    /// <summary>Repeats the calls of a primitive with one tensor changed after the other.</summary>
    private static void Change(string primitive, string[] exempt, Action<string, string, Tensor> judge, Func<Tensor, Tensor> change)
    {
        using var device = new PlanBackend(DType.F64, DType.F64);
        var method = typeof(LDaeCore.Engine.Backends.Primitives).GetMethod(primitive)!;
        var names = method.GetParameters().Skip(1).Select(parameter => parameter.Name!).ToArray();
        var seen = new HashSet<string>();
        foreach (var (_, arguments) in Calls.Value.Where(call => call.Primitive == primitive))
        {
            var given = arguments is ITuple tuple ? Enumerable.Range(0, tuple.Length).Select(i => tuple[i]).ToArray() : [arguments];
            Assert.That(() => method.Invoke(null, [device, .. given]), Throws.Nothing, "the call itself");
            for (var i = 0; i < given.Length; i++)
            {
                foreach (var (argument, tensor, changed) in Changes(names[i], given[i], change))
                {
                    if (exempt.Contains($"{primitive} {argument}"))
                    {
                        continue;
                    }

                    object?[] all = [device, .. given];
                    all[i + 1] = changed;
                    var error = Assert.Throws<TargetInvocationException>(() => method.Invoke(null, all), $"{primitive}: {argument} {tensor} changed")!.InnerException;
                    Assert.That(error, Is.TypeOf<ArgumentException>());
                    judge(argument, error!.Message, change(tensor));
                    seen.Add(argument);
                }
            }
        }

        var tensors = exempt.Where(argument => argument.Split(' ')[0] == primitive).Except(Unread);
        Assert.That(seen.Count + tensors.Count(), Is.Positive, "a call of the primitive with a tensor to change");
    }

    /// <summary>An argument with one of its tensors changed, in every way there is.</summary>
    private static IEnumerable<(string Argument, Tensor Tensor, object Changed)> Changes(string name, object? value, Func<Tensor, Tensor> change)
    {
        if (value is Tensor tensor)
        {
            yield return (name, tensor, change(tensor));
        }
        else if (value is Modulation modulation)
        {
            yield return ($"{name}.Table", modulation.Table, modulation with { Table = change(modulation.Table) });
        }
        else if (value is ValueType && value.GetType() is { IsPrimitive: false, Namespace: "LDaeCore.Engine.Backends" } type)
        {
            foreach (var property in type.GetProperties().Where(property => property.CanWrite))
            {
                foreach (var (argument, part, changed) in Changes(property.Name, property.GetValue(value), change))
                {
                    var copy = RuntimeHelpers.GetObjectValue(value);
                    property.SetValue(copy, changed);
                    yield return (argument, part, copy);
                }
            }
        }
    }

    private static List<(string Primitive, object Arguments)> Capture()
    {
        using var reference = new ReferenceBackend();
        using var backend = new CapturingBackend(reference);
        foreach (var opCase in OpCatalog.All.Where(c => !c.TimingOnly))
        {
            using var run = new CaseRun(opCase, backend, CaseRun.Draw(opCase, 1));
            if (opCase.Differentiable)
            {
                run.Gradients();
            }
        }

        using var values = new PersistentTensor(backend, new Shape(4), DType.F64);
        using var others = new PersistentTensor(backend, new Shape(4), DType.F64);
        backend.Copy(values.Tensor, others.Tensor);
        return backend.Calls;
    }

    private sealed class CapturingBackend(IBackend inner) : ObservedBackend(inner)
    {
        public List<(string Primitive, object Arguments)> Calls { get; } = [];

        public override void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel)
        {
            Calls.Add((call.Name, arguments!));
            base.Run(call, arguments, kernel);
        }

        protected override void After(string primitive, long start, params ReadOnlySpan<Tensor?> results)
        {
        }
    }
}
