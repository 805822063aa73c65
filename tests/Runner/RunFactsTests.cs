using System.Text;
using LDaeCore.Runner.Reporting;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The numbers at the head of a report, and which result each is from.</summary>
internal sealed class RunFactsTests : FolderPerTest
{
    [Test]
    public void Accuracies_of_nearest_neighbours_are_not_called_those_of_a_linear_probe()
    {
        Keep("probe", """{"method":"linear","top1":11,"random_top1":12,"pixels_top1":13,"knn_top1":14}""");
        Keep("sweep", """{"method":"knn","top1":21,"random_top1":22,"pixels_top1":23,"knn_top1":21}""");
        Assert.That(RunFacts.Of(new RunContents(Folder.Path)), Is.SupersetOf(new[]
        {
            ("linear probe, top-1", "11.00 %"), ("random encoder", "12.00 %"), ("raw pixels", "13.00 %"), ("nearest neighbours", "21.00 %"),
        }));
    }

    private void Keep(string name, string json) => Folder.Write($"results/{name}.json", Encoding.UTF8.GetBytes(json));
}
