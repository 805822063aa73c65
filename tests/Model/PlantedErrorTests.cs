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
        public override void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv)
        {
            base.AttentionBackward(args, dOutput, dQkv);
            if (part < 0)
            {
                return;
            }

            var gradient = dQkv.ReadDoubles(this);
            for (var i = 0; i < gradient.Length; i++)
            {
                gradient[i] *= i % (3 * args.Width) / args.Width == part ? -1 : 1;
            }

            dQkv.Write(this, gradient);
        }
    }
}
