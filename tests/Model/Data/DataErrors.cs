using LDaeCore.Engine.Errors;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Data;

/// <summary>Expects errors about input data.</summary>
public static class DataErrors
{
    /// <summary>Runs an action that must fail with a data error whose message has all the fragments.</summary>
    public static void AssertThrown(Action action, params string[] fragments)
    {
        var error = Assert.Throws<LdaeException>(action);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error!.Kind, Is.EqualTo(ErrorKind.Data));
            Assert.That(error.Remedy, Is.Not.Empty);
            foreach (var fragment in fragments)
            {
                Assert.That(error.Message, Does.Contain(fragment));
            }
        }
    }
}
