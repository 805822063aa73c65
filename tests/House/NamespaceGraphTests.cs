using LDaeCore.Engine;
using LDaeCore.Model.Methods;
using NUnit.Framework;

namespace LDaeCore.Tests.House;

/// <summary>References between namespaces lead one way.</summary>
public sealed class NamespaceGraphTests
{
    // The root of the engine is for programs that use it as a library; of the model there is nothing in the root.
    private static readonly string[] ModelDownwards = ["Journey", "Methods", "Evaluation", "Training", "Encoders", "Networks", "Layers", "Data"];

    [Test]
    public void The_namespaces_of_the_engine_have_no_cycle() =>
        Assert.That(new NamespaceGraph(typeof(Session).Assembly).Cycles(), Is.Empty);

    [Test]
    public void The_folders_of_the_model_refer_downwards()
    {
        var graph = new NamespaceGraph(typeof(MethodCatalog).Assembly);
        Assert.That(graph.Cycles(), Is.Empty);
        for (var i = 0; i < ModelDownwards.Length; i++)
        {
            foreach (var above in ModelDownwards.Take(i))
            {
                var upwards = graph.From($"LDaeCore.Model.{ModelDownwards[i]}").Where(to => to.Key.StartsWith($"LDaeCore.Model.{above}", StringComparison.Ordinal));
                Assert.That(upwards, Is.Empty, $"{ModelDownwards[i]} -> {above}");
            }
        }

        var ofRecipes = graph.From("LDaeCore.Model.Recipes").Keys.Where(to => to.StartsWith("LDaeCore.Model", StringComparison.Ordinal));
        Assert.That(ofRecipes, Is.Empty, "Recipes may be read by all and refers to none");
    }

    [Test]
    public void The_graph_sees_what_is_there()
    {
        var engine = new NamespaceGraph(typeof(Session).Assembly);
        Assert.That(engine.From("LDaeCore.Engine.Ops").Keys, Is.SupersetOf(new[] { "LDaeCore.Engine.Autograd", "LDaeCore.Engine.Backends", "LDaeCore.Engine.Tensors" }));
        Assert.That(engine.From("LDaeCore.Engine.Tensors").Keys, Is.SubsetOf(new[] { "LDaeCore.Engine.Errors" }));
        Assert.That(new NamespaceGraph(typeof(NamespaceGraphTests).Assembly).From("LDaeCore.Tests.House.Circle.First").Keys, Does.Contain("LDaeCore.Tests.House.Circle.Second"));
        Assert.That(
            new NamespaceGraph(typeof(NamespaceGraphTests).Assembly).Cycles(),
            Has.Some.Contains("LDaeCore.Tests.House.Circle.First -> LDaeCore.Tests.House.Circle.Second (One uses Two)"));
    }
}
