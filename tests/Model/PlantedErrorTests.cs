using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model;

/// <summary>The whole-loss gradient check can fail: with a sign turned in attention's backward, it does.</summary>
public sealed class PlantedErrorTests
{
    [TestCase(0, TestName = "A_sign_error_in_the_gradient_of_the_queries_is_seen")]
    [TestCase(1, TestName = "A_sign_error_in_the_gradient_of_the_keys_is_seen")]
    [TestCase(2, TestName = "A_sign_error_in_the_gradient_of_the_values_is_seen")]
    public void A_sign_error_in_attention_is_seen(int part)
    {
        using var inner = new ReferenceBackend();
        using var honest = new PlantedBackend(inner, -1);
        using var broken = new PlantedBackend(inner, part);
        Assert.That(WholeLossGradientTests.LargestError(honest, time: true), Is.LessThanOrEqualTo(1e-6));
        Assert.That(WholeLossGradientTests.LargestError(broken, time: true), Is.GreaterThan(1e-2));
    }

    /// <summary>The reference, with the gradient of the queries, keys or values of opposite sign.</summary>
    private sealed class PlantedBackend(IBackend inner, int part) : CountingBackend(inner)
    {
        public override void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel)
        {
            base.Run(call, arguments, kernel);
            if (part < 0 || call.Name != nameof(IKernels.AttentionBackward))
            {
                return;
            }

            var dQkv = call.Results[0]!;
            var (gradient, width) = (dQkv.ReadDoubles(this), dQkv.Shape.Columns / 3);
            for (var i = 0; i < gradient.Length; i++)
            {
                gradient[i] *= i % (3 * width) / width == part ? -1 : 1;
            }

            dQkv.Write(this, gradient);
        }
    }
}
