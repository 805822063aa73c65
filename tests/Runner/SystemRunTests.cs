using System.Text.Json;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The console runner on systems other than l-DAE: a tokenizer trained by itself, a network on it, and samples of a conditional one.</summary>
public sealed class SystemRunTests : FolderPerTest
{
    private const string Latent = "--set objective.target=noise --set objective.input=latent --set objective.output=latent --set noise.schedule=linearBeta";
    private const string Small =
        "--preset demo --set data.imageSize=8 --set network.width=16 --set network.depth=2 --set network.encoderDepth=1 --set network.heads=2 --set train.steps=4 "
        + "--set tokenizer.trainEpochs=1 --device cpu --threads 2 --json";

    [Test]
    public void A_tokenizer_is_trained_shown_and_taken_by_a_network()
    {
        var trained = Run($"tokenizer train {Small} {Latent} --set tokenizer.kind=patchVae --data synthetic:64 --images 8 --out {Folder["vae"]}");
        Assert.That(trained.GetProperty("command").GetString(), Is.EqualTo("tokenizer train"));
        Assert.That(trained.GetProperty("terms").EnumerateArray().Select(t => t.GetProperty("name").GetString()), Is.EqualTo(new[] { "reconstruction", "kl" }));
        Assert.That(trained.GetProperty("reconstruction_error").GetDouble(), Is.GreaterThan(0));
        Assert.That(File.Exists(trained.GetProperty("picture").GetString()));
        var run = Run($"pretrain {Small} {Latent} --set tokenizer.kind=patchVae --tokenizer {Folder["vae"]} --data synthetic:64 --out {Folder["run"]}");
        Assert.That(run.GetProperty("steps").GetInt64(), Is.EqualTo(4));
        Assert.That(Directory.Exists(Path.Combine(Folder["run"], "tokenizer")), Is.False, "the given tokenizer was taken");
        var refused = Run($"pretrain {Small} {Latent} --set tokenizer.kind=patchAe --tokenizer {Folder["vae"]} --data synthetic:64 --out {Folder["other"]}", code: 2);
        Assert.That(refused.GetProperty("error").GetProperty("message").GetString(), Does.Contain("tokenizer.kind = patchVae"));
    }

    [Test]
    public void A_conditional_network_is_sampled_with_guidance()
    {
        Run($"pretrain {Small} {Latent} --set conditioning.class=true --data synthetic:64 --out {Folder["dit"]}");
        var drawn = Run($"sample --checkpoint {Folder["dit"]} --images 4 --steps 3 --guidance 1.5 --class 1 --device cpu --threads 2 --json --out {Folder["samples"]}");
        Assert.That(drawn.GetProperty("images").GetInt32(), Is.EqualTo(4));
        Assert.That(new FileInfo(drawn.GetProperty("picture").GetString()!).Length, Is.GreaterThan(100));
        var refused = Run($"sample --checkpoint {Folder["dit"]} --class 99 --device cpu --json --out {Folder["none"]}", code: 2);
        Assert.That(refused.GetProperty("error").GetProperty("message").GetString(), Does.StartWith("--class 99"));
    }

    private static JsonElement Run(string line, int code = 0)
    {
        var done = CommandLine.Run(line.Split(' '));
        Assert.That(done.ExitCode, Is.EqualTo(code), done.Human);
        return done.Json;
    }
}
