// What the linter found, as text.
import type { Finding } from './judgement.ts';
import { RULES } from './target-rules.ts';

/** Nodes named under one rule. */
const MOST_NODES = 5;

export function countsOf(findings: readonly Finding[]): { errors: number; warnings: number } {
  const errors = findings.filter(({ level }) => level === 'error').length;
  return { errors, warnings: findings.length - errors };
}

/** A rule that many nodes break is told once, with the nodes. */
export function formatFindings(findings: readonly Finding[], file: string, target: string): string {
  const { errors, warnings } = countsOf(findings);
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  const parts = rules.map((rule) => {
    const breaches = findings.filter((finding) => finding.rule === rule);
    const nodes = breaches.map(({ node, operator, message }) => `    ${node ? `${operator} ${node}: ` : ''}${message}`);
    const shown =
      nodes.length > MOST_NODES ? [...nodes.slice(0, MOST_NODES), `    and ${nodes.length - MOST_NODES} more`] : nodes;
    const { level, source } = breaches[0]!;
    return `${level}: ${RULES[rule].rule} (${rule})\n${shown.join('\n')}\n    source: ${source}\n`;
  });
  const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  const verdict =
    findings.length === 0 ? 'keeps all rules' : `${count(errors, 'error')}, ${count(warnings, 'warning')}`;
  return `${parts.join('')}${file} for ${target}: ${verdict}\n`;
}
