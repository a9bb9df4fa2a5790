import {
  Node,
  type ObjectLiteralExpression,
  type SourceFile,
  SyntaxKind,
  type VariableDeclaration,
} from 'ts-morph';
import { told } from './comments';
import type { Part } from './model';
import { initialOf } from './wiring';
import type { Workspace } from './workspace';

/** An event as the published language defines it: the newest version of its type. */
export interface Contract extends Part {
  readonly type: string;
  readonly version: number;
  readonly owner: string;
  readonly aggregate: string;
  readonly fields: readonly string[];
}

/** The published language: every `defineEvent({ … })` of libs/contracts. */
export class Contracts {
  private readonly byPlace = new Map<VariableDeclaration, Contract>();

  constructor(private readonly workspace: Workspace) {
    for (const file of workspace.files('libs/contracts/src')) {
      for (const declaration of file.getVariableDeclarations()) {
        const contract = this.read(declaration);
        if (contract) this.byPlace.set(declaration, contract);
      }
    }
  }

  /** The contract that a name in a file refers to. */
  of(file: SourceFile, name: string): Contract | undefined {
    const declared = this.workspace.resolve(file, name);
    return Node.isVariableDeclaration(declared) ? this.byPlace.get(declared) : undefined;
  }

  /** The newest version of each event of a context. */
  ownedBy(owner: string): readonly Contract[] {
    const own = [...this.byPlace.values()].filter((each) => each.owner === owner);
    return own.filter(
      ({ type, version }) => !own.some((each) => each.type === type && each.version > version),
    );
  }

  private read(declaration: VariableDeclaration): Contract | undefined {
    const call = declaration.getInitializer();
    if (!Node.isCallExpression(call) || call.getExpression().getText() !== 'defineEvent') return undefined;
    const [definition] = call.getArguments();
    if (!Node.isObjectLiteralExpression(definition)) return undefined;
    const field = (name: string) => this.literal(definition, name);
    const statement = declaration.getVariableStatementOrThrow();
    const data = initialOf(definition, 'data');
    const shape = data
      ?.getFirstDescendantByKind(SyntaxKind.ObjectLiteralExpression)
      ?.getProperties()
      .flatMap((each) =>
        Node.isPropertyAssignment(each) || Node.isShorthandPropertyAssignment(each) ? [each.getName()] : [],
      );
    const unconsumed = field('unconsumed');
    return {
      name: declaration.getName(),
      ...told(this.workspace, statement),
      ...(unconsumed && { why: { text: unconsumed, adrs: [] } }),
      source: this.workspace.sourceOf(statement),
      type: field('type') ?? '',
      version: Number(field('version') ?? 1),
      owner: field('owner') ?? '',
      aggregate: field('aggregate') ?? '',
      fields: shape ?? [],
    };
  }

  /** A field of the object, or of a constant that is spread in it. */
  private literal(object: ObjectLiteralExpression, name: string): string | undefined {
    const own = initialOf(object, name);
    if (own) {
      if (Node.isStringLiteral(own)) return own.getLiteralText();
      return own.getText();
    }
    for (const property of object.getProperties()) {
      if (!Node.isSpreadAssignment(property)) continue;
      const spread = this.workspace.constant(object.getSourceFile(), property.getExpression().getText());
      const found = Node.isObjectLiteralExpression(spread) ? this.literal(spread, name) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
